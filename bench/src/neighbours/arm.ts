import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES, type Queue } from '@redis-queue/api';
import { CONFIG_MAPS, DEPLOYMENTS, typeMeta, type KubeClient, type Resource } from '@redis-queue/controller';
import { APP_NAMES, eventually, startProcess } from '@redis-queue/rig';
import { seededRandom, wholeBetween } from '@redis-queue/simulator';
import { Redis } from 'ioredis';
import { ObjectWatch, untilNone } from '../cluster-objects/object-watch.ts';
import { ALONE } from '../fleet/fleet.ts';
import { untilSized, wakePool, type Deployment } from '../fleet/wake.ts';
import { percentile, tenths } from '../measuring/percentile.ts';
import { samplesOf } from '../measuring/prometheus.ts';
import { peakMib } from '../measuring/resident.ts';
import type { RunningApp, Stand } from '../stand/stand.ts';
import type { Tenant } from './tenants.ts';

export interface ArmOptions {
  readonly stand: Stand;
  readonly client: KubeClient;
  /** A queue each. The first of them have counts that move, the others are changed and woken in turn. */
  readonly good: readonly Tenant[];
  /** Each changes one of its queues per second. */
  readonly neighbours: readonly Tenant[];
  readonly tries: number;
  readonly seconds: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

export interface ArmResult {
  readonly appliedP50Ms: number;
  readonly appliedP99Ms: number;
  readonly wakeP50Ms: number;
  readonly wakeP99Ms: number;
  /** How long the API server takes to change an object that no app watches: the least that a change could take. */
  readonly barePatchP99Ms: number;
  readonly maxSampledAgeS: number;
  readonly rssMib: number;
  readonly maxLoopLagMs: number;
  /** The longest time that 50 ms of work took in a process beside the apps that does nothing else, ms. */
  readonly bareWorkMs: number;
  /** The greatest lag of each app's event loop, ms: from its start to when all were served, and after that. */
  readonly loopLags: Readonly<Record<string, LoopLags>>;
}

export interface LoopLags {
  readonly atStartMs: number;
  readonly afterMs: number;
}

type QueueObject = Queue & Resource;
interface Place {
  readonly namespace: string;
  readonly name: string;
}

const MOVING_SHARE = 0.4;
const WARM_UP = 3;
const START_TIMEOUT_MS = 180_000;
const TIMEOUT_MS = 60_000;
const POLL_MS = 2;
const PAUSE_MS = [50, 250] as const;
/** Between two moves of a queue's counts. */
const MOVE_EVERY_MS = 15_000;
/** Between two changes of one tenant. */
const CHURN_EVERY_MS = 1_000;
/** How long the first sample of all may take. */
const SETTLE_MS = 60_000;
const READ_EVERY_MS = 5_000;

/** Starts the apps, measures the good tenants while their neighbours go on changing their queues, and ends the apps. */
export async function runArm(options: ArmOptions): Promise<ArmResult> {
  const { stand, client, good, neighbours, tries, seconds, print } = options;
  const random = seededRandom(options.seed);
  const redis = new Redis(stand.redis.url, { maxRetriesPerRequest: null });
  const end = new AbortController();
  const apps: RunningApp[] = [];
  await using bare = startProcess(process.execPath, [join(import.meta.dirname, 'bare-work.ts')]);
  try {
    for (const app of APP_NAMES) apps.push(await stand.startApp(app, ALONE));
    const places = good.map(({ namespace, queues }): Place => ({ namespace, name: queues[0]! }));
    const deployments = await ObjectWatch.start<Deployment>(client, DEPLOYMENTS, undefined, end.signal);
    const queues = await ObjectWatch.start<QueueObject>(client, QUEUES, undefined, end.signal);
    await untilServed(deployments, queues, places);
    print(`${good.length} good tenants are served`);

    const split = Math.round(places.length * MOVING_SHARE);
    const moving = places.slice(0, split);
    const ages = watchAges(queues, moving, end.signal);
    const lags = await watchLags(apps, end.signal);
    const background = [moveCounts(redis, moving, end.signal), churn(client, neighbours, end.signal)];
    const startedMs = performance.now();
    const applied: number[] = [];
    const woken: number[] = [];
    const bares: number[] = [];
    const turns = places.slice(split);
    const bareObject = await createBareObject(client, places[0]!.namespace);
    for (let attempt = -WARM_UP; attempt < tries; attempt++) {
      const place = turns[(attempt + WARM_UP) % turns.length]!;
      await sleep(wholeBetween(random, ...PAUSE_MS));
      const bareMs = await patchBareObject(client, bareObject, attempt);
      const appliedMs = await change(client, redis, place, attempt + WARM_UP + 2);
      await untilSized(deployments, place.name, (replicas) => replicas === 0, TIMEOUT_MS);
      const wokenMs = await wakePool(redis, deployments, { deployment: place.name, queue: place.name });
      if (attempt < 0) continue;
      applied.push(appliedMs);
      woken.push(wokenMs);
      bares.push(bareMs);
      if ((attempt + 1) % 25 === 0) print(`${attempt + 1}/${tries}`);
    }
    const leftMs = seconds * 1000 - (performance.now() - startedMs);
    if (leftMs > 0) {
      print(`watching the age of samples for ${Math.round(leftMs / 1000)} s more`);
      await sleep(leftMs);
    }
    const [maxAgeMs, loopLags] = [ages.max(), lags()];
    const rssMib = Math.max(...apps.map(({ process }) => peakMib(process.pid)));
    end.abort();
    await Promise.all(background);
    return {
      appliedP50Ms: tenths(percentile(applied, 0.5)),
      appliedP99Ms: tenths(percentile(applied, 0.99)),
      wakeP50Ms: tenths(percentile(woken, 0.5)),
      wakeP99Ms: tenths(percentile(woken, 0.99)),
      barePatchP99Ms: tenths(percentile(bares, 0.99)),
      maxSampledAgeS: tenths(maxAgeMs / 1000),
      rssMib,
      maxLoopLagMs: Math.max(...Object.values(loopLags).flatMap(({ atStartMs, afterMs }) => [atStartMs, afterMs])),
      bareWorkMs: Math.max(...bare.stdout.map(Number)),
      loopLags,
    };
  } finally {
    end.abort();
    redis.disconnect();
    await Promise.all(apps.map(({ process }) => process.stop()));
  }
}

async function untilServed(
  deployments: ObjectWatch<Deployment>,
  queues: ObjectWatch<QueueObject>,
  places: readonly Place[],
): Promise<void> {
  const names = new Set(places.map(({ name }) => name));
  const isGood = ({ metadata }: Resource): boolean => names.has(metadata.name);
  const unserved = queues.unfit((queue) => !isGood(queue) || queue.status?.sampledAt !== undefined);
  await untilNone([unserved], START_TIMEOUT_MS, 'good queues to be sampled');
  await eventually(() => [...names].every((name) => deployments.objects.has(name)), { timeoutMs: START_TIMEOUT_MS });
  const unsized = deployments.unfit((deployment) => !isGood(deployment) || deployment.spec.replicas === 0);
  await untilNone([unsized], START_TIMEOUT_MS, 'good pools to be at zero');
}

/** A ConfigMap, which stays for the next arm. */
async function createBareObject(client: KubeClient, namespace: string): Promise<Place> {
  const place = { namespace, name: 'bare' };
  await client.apply(CONFIG_MAPS, { ...typeMeta(CONFIG_MAPS), metadata: place }, { fieldManager: 'bench' });
  return place;
}

/** @returns how long it took, ms. */
async function patchBareObject(client: KubeClient, place: Place, attempt: number): Promise<number> {
  const startedMs = performance.now();
  await client.mergePatch(CONFIG_MAPS, place, { data: { attempt: String(attempt) } });
  return performance.now() - startedMs;
}

/** From the change of a limit in the spec to the limit in Redis, ms. */
async function change(client: KubeClient, redis: Redis, place: Place, concurrency: number): Promise<number> {
  const startedMs = performance.now();
  await client.mergePatch(QUEUES, place, { spec: { globalConcurrency: concurrency } });
  const meta = `bull:${place.name}:meta`;
  while ((await redis.hget(meta, 'concurrency')) !== String(concurrency)) {
    if (performance.now() - startedMs > TIMEOUT_MS) throw new Error(`${place.name} was not changed in a minute`);
    await sleep(POLL_MS);
  }
  return performance.now() - startedMs;
}

/**
 * Lets the line of each queue grow by 30 % per move, up to eight times its length, and begin anew; none is left at the
 * end. To and fro between two lengths might look at rest to who samples at every second move.
 */
async function moveCounts(redis: Redis, places: readonly Place[], signal: AbortSignal): Promise<void> {
  for (let step = 0; !signal.aborted; step++) {
    const length = Math.round(100 * 1.3 ** (step % 9));
    for (const { name } of places) {
      const wait = `bull:${name}:wait`;
      const missing = length - (await redis.llen(wait));
      if (missing > 0) await redis.rpush(wait, ...Array.from({ length: missing }, (_, index) => `m${step}-${index}`));
      else await redis.ltrim(wait, 0, length - 1);
    }
    await sleep(MOVE_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  for (const { name } of places) await redis.del(`bull:${name}:wait`);
}

/** Each tenant changes one of its queues per second, and none waits for another, as nothing ties tenants together. */
async function churn(client: KubeClient, tenants: readonly Tenant[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    tenants.map(async ({ namespace, queues }, index) => {
      await sleep((index * CHURN_EVERY_MS) / tenants.length, undefined, { signal }).catch(() => undefined);
      for (let turn = 2; !signal.aborted; turn++) {
        const place = { namespace, name: queues[turn % queues.length]! };
        await client.mergePatch(QUEUES, place, { spec: { globalConcurrency: turn } });
        await sleep(CHURN_EVERY_MS, undefined, { signal }).catch(() => undefined);
      }
    }),
  );
}

interface Maximum {
  max(): number;
}

/** The greatest age that the counts of these queues had, ms, once all were sampled for the first time. */
function watchAges(queues: ObjectWatch<QueueObject>, places: readonly Place[], signal: AbortSignal): Maximum {
  const fromMs = performance.now() + SETTLE_MS;
  return everySoOften(1_000, signal, () => {
    if (performance.now() < fromMs) return 0;
    const sampledMs = places.map(({ name }) => Date.parse(queues.objects.get(name)?.status?.sampledAt ?? ''));
    return Date.now() - Math.min(...sampledMs);
  });
}

/** The lags of each app's event loop; a reading has the greatest since the one before. */
async function watchLags(apps: readonly RunningApp[], signal: AbortSignal): Promise<() => Record<string, LoopLags>> {
  const watched = await Promise.all(
    apps.map(async ({ name, process }) => {
      const lagMs = async (): Promise<number> =>
        1000 *
        Math.max(...samplesOf(await process.metrics(), 'nodejs_eventloop_lag_max_seconds').map(({ value }) => value));
      const atStartMs = tenths(await lagMs());
      return { name, atStartMs, after: everySoOften(READ_EVERY_MS, signal, lagMs) };
    }),
  );
  return () =>
    Object.fromEntries(
      watched.map(({ name, atStartMs, after }) => [name, { atStartMs, afterMs: tenths(after.max()) }]),
    );
}

function everySoOften(ms: number, signal: AbortSignal, read: () => number | Promise<number>): Maximum {
  let max = 0;
  const timer = setInterval(() => {
    void Promise.resolve(read()).then(
      (value) => (max = Math.max(max, value)),
      () => undefined,
    );
  }, ms);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  return { max: () => max };
}
