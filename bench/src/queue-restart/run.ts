import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES } from '@redis-queue/api';
import { loadKubeClient } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { inFlight } from '../cluster-objects/in-flight.ts';
import { ObjectWatch, untilNone } from '../cluster-objects/object-watch.ts';
import { ALONE, IN_FLIGHT } from '../fleet/fleet.ts';
import { countWrites, isLeaseWrite } from '../measuring/api-writes.ts';
import { processCpuMs } from '../measuring/process-cpu.ts';
import { growth, samplesOf } from '../measuring/prometheus.ts';
import { createNamespaces, createQueue, placesIn, untilReady, type QueueObject } from '../queues/queue-objects.ts';
import type { RunningApp, Stand } from '../stand/stand.ts';

export interface RestartOptions {
  readonly queues: number;
  readonly namespaces: number;
  /** In which nothing may be written once all is verified. */
  readonly steadyMs: number;
  /** Of the controller, beside those of every bench. */
  readonly flags?: readonly string[];
  readonly print: (line: string) => void;
}

export interface RestartResult {
  /** From the start of the process until every Queue was compared with Redis. */
  readonly verifiedMs: number;
  /** Of a Queue that is created meanwhile: until it is Ready. */
  readonly newReadyMs: number;
  /** To the API server and to Redis, after that. */
  readonly steadyWrites: number;
  /** From the start of the process until the new Queue was created: all others wait to be verified then. */
  readonly createdAfterMs: number;
  /** Reconciled when the new Queue was Ready. */
  readonly verifiedBeforeNew: number;
  /** Of the process, from its start until all were compared, ms. */
  readonly cpuMs: number;
}

const TIMEOUT_MS = 300_000;
const SAMPLED_TIMEOUT_MS = 1_200_000;
const POLL_MS = 500;
/** The new Queue comes when so many are verified: in the midst of the rush, however fast that is. */
const RUSH_SHARE = 0.1;

/** Restarts the controller over many Queues that hold, and creates one more while they are verified. */
export async function runRestart(stand: Stand, options: RestartOptions): Promise<RestartResult> {
  const { queues, namespaces, steadyMs, flags = [], print } = options;
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath, maxConnections: IN_FLIGHT });
  const end = new AbortController();
  const redis = new Redis(stand.redis.url);
  try {
    const names = await createNamespaces(client, stand, namespaces);
    const before = await stand.startApp('queue-controller', ALONE, ...flags);
    const watch = await ObjectWatch.start<QueueObject>(client, QUEUES, undefined, end.signal);
    const places = placesIn(names, 'old', queues);
    await inFlight(places, IN_FLIGHT, async (place) => void (await createQueue(client, place)));
    await untilReady(watch, places);
    print(`${queues} Queues are Ready; their counts come into the statuses, 20 per second`);
    await untilSampled(watch);
    await before.process.stop('SIGTERM');
    print('all have counts; the controller is started anew');

    const startMs = performance.now();
    const controller = await stand.startApp('queue-controller', ALONE, ...flags);
    await eventually(async () => (await reconciles(controller)) >= queues * RUSH_SHARE, {
      timeoutMs: TIMEOUT_MS,
      intervalMs: 50,
      description: 'the controller to verify the first Queues',
    });
    const fresh = placesIn(names, 'new', 1);
    const createdMs = performance.now();
    await createQueue(client, fresh[0]!);
    const newReadyMs = (await untilReady(watch, fresh)) - createdMs;
    const verifiedBeforeNew = await reconciles(controller);
    print(`the new one is Ready after ${Math.round(newReadyMs)} ms, beside ${verifiedBeforeNew} reconciles`);
    const verifiedAtMs = await eventually(async () => (await reconciles(controller)) > queues && performance.now(), {
      timeoutMs: TIMEOUT_MS,
      intervalMs: POLL_MS,
      description: 'all Queues to be verified',
    });
    const cpuMs = processCpuMs(controller.process.pid);
    print(`all are verified ${Math.round(verifiedAtMs - startMs)} ms after the start`);

    await untilSampled(watch);
    const written = await writes(stand, redis);
    await sleep(steadyMs);
    const steady = growth(written, await writes(stand, redis));
    for (const [what, by] of steady) print(`  ${String(by).padStart(6)} ${what}`);
    await controller.process.stop('SIGTERM');
    return {
      verifiedMs: Math.round(verifiedAtMs - startMs),
      newReadyMs: Math.round(newReadyMs),
      steadyWrites: [...steady.values()].reduce((sum, by) => sum + by, 0),
      createdAfterMs: Math.round(createdMs - startMs),
      verifiedBeforeNew,
      cpuMs,
    };
  } finally {
    end.abort();
    redis.disconnect();
    await client.close();
  }
}

/** Their first counts are written whatever they are. */
async function untilSampled(watch: ObjectWatch<QueueObject>): Promise<void> {
  const unsampled = watch.unfit(({ status }) => status?.sampledAt !== undefined);
  await untilNone([unsampled], SAMPLED_TIMEOUT_MS, 'all Queues to have counts');
}

/** That ended well: the first of each Queue compares it with Redis, and none has a second within minutes. */
async function reconciles({ process }: RunningApp): Promise<number> {
  const samples = samplesOf(await process.metrics(), 'controller_runtime_reconcile_total');
  const done = samples.filter(({ labels: { controller, result } }) => controller === 'queue' && result !== 'error');
  return done.reduce((sum, { value }) => sum + value, 0);
}

/** Scripts that may write, whatever they did, and what anybody writes without one. */
const WRITES = /^(evalsha|eval|hset|hdel|set|del|xadd|zadd|zrem|lpush|rpush|ltrim|lrem|rename)$/;

/** Writes so far to the API server and to Redis. */
async function writes(stand: Stand, redis: Redis): Promise<Map<string, number>> {
  const stats = await redis.info('commandstats');
  const counted = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].filter(([, command = '']) =>
    WRITES.test(command),
  );
  return new Map([
    ...[...(await countWrites(stand.controlPlane))].filter(([request]) => !isLeaseWrite(request)),
    ...counted.map(([, command, calls]) => [`Redis ${command}`, Number(calls)] as const),
  ]);
}
