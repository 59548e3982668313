import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES, type JobSchedulerSpec } from '@redis-queue/api';
import { findCondition, loadKubeClient, type KubeClient } from '@redis-queue/controller';
import { eventually, startProcess } from '@redis-queue/rig';
import type { WithConditions } from '@redis-queue/rig/controllers';
import { seededRandom, wholeBetween } from '@redis-queue/simulator';
import { Redis } from 'ioredis';
import type { RunningApp, Stand } from '../stand/stand.ts';
import { judge, type Run, type Verdict } from './judge.ts';
import { RUNS_KEY } from './runs.ts';

export interface SchedulersOptions {
  readonly queues: number;
  readonly seconds: number;
  /** How long a controller lives at most before it is killed, ms. */
  readonly longestLifeMs: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

export interface SchedulersReport extends Verdict {
  readonly schedulers: number;
  readonly runs: number;
  /** Controllers that were killed. */
  readonly kills: number;
  /** Specs that were changed meanwhile. */
  readonly changes: number;
  /** Schedulers and their next jobs that are left in Redis in the end, beside the declared ones. */
  readonly leftBehind: number;
}

/** All of them write: nothing but the scripts keeps them apart. */
const SIDE_BY_SIDE = ['--leader-elect=false'];
const CONTROLLERS = 3;
const CHANGE_EVERY_MS = 1_500;
/** A run that is due in the end begins within this time. */
const LAST_RUNS_MS = 2_000;
const PERIODS: readonly { readonly name: string; readonly seconds: number; readonly cron?: string }[] = [
  { name: 'cron-2', seconds: 2, cron: '*/2 * * * * *' },
  { name: 'every-3', seconds: 3 },
  { name: 'cron-5', seconds: 5, cron: '*/5 * * * * *' },
  { name: 'every-5', seconds: 5 },
];

/**
 * Three controllers side by side, all of which write, each killed again and again, while templates change and a further
 * scheduler comes and goes. The runs are counted by real workers, per slot.
 */
export async function runSchedulers(stand: Stand, options: SchedulersOptions): Promise<SchedulersReport> {
  const { seconds, print } = options;
  const random = seededRandom(options.seed);
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath });
  const redis = new Redis(stand.redis.url, { maxRetriesPerRequest: null });
  const names = Array.from({ length: options.queues }, (_, index) => `scheduled-${index}`);
  const apply = (name: string, version: number): Promise<unknown> => applyQueue(client, stand.namespace, name, version);
  const workers = startProcess(process.execPath, [`${import.meta.dirname}/worker-process.ts`], {
    env: { REDIS_URL: stand.redis.url, QUEUES: names.join(',') },
  });
  const ended = new AbortController();
  try {
    await workers.waitForLine(/^ready$/, { timeoutMs: 60_000 });
    await Promise.all(names.map((name) => apply(name, 0)));
    const controllers: RunningApp[] = [];
    for (let index = 0; index < CONTROLLERS; index++) {
      // oxlint-disable-next-line no-await-in-loop -- three starts at once on two cores make each the slower
      controllers.push(await stand.startApp('queue-controller', ...SIDE_BY_SIDE));
    }
    await Promise.all(names.map((name) => applied(client, stand.namespace, name)));
    print(`${names.length * PERIODS.length} schedulers run`);
    const fromMs = Date.now() + 1_000;
    const end = AbortSignal.any([ended.signal, AbortSignal.timeout(seconds * 1_000)]);
    const killing = controllers.map((app) => killAgainAndAgain(stand, app, { ...options, random, end }));
    const changing = changeAgainAndAgain(names, apply, random, end);
    const kills = (await Promise.all(killing)).reduce((sum, count) => sum + count, 0);
    const changes = await changing;
    const toMs = Date.now();
    print(`${kills} controllers killed, ${changes} specs changed; the last runs`);
    const last = changes + 2 - (changes % 2);
    await Promise.all(names.map((name) => apply(name, last)));
    await Promise.all(names.map((name) => applied(client, stand.namespace, name)));
    const isClean = async (): Promise<boolean> => (await leftIn(redis, names)).length === 0;
    await eventually(isClean, { timeoutMs: 20_000, description: 'the last scheduler to go' }).catch((error: unknown) =>
      print(String(error)),
    );
    const left = await leftIn(redis, names);
    for (const each of left) print(`left behind: ${each}`);
    await sleep(LAST_RUNS_MS);
    const runs = (await redis.lrange(RUNS_KEY, 0, -1)).map((text) => JSON.parse(text) as Run);
    const periods = new Map<string, number>(
      names.flatMap((queue) => PERIODS.map(({ name, seconds: every }) => [`${queue}/${name}`, every * 1_000] as const)),
    );
    const judged = runs.filter(({ scheduler }) => periods.has(scheduler));
    const verdict = judge(judged, periods, { fromMs, toMs });
    return { schedulers: periods.size, runs: judged.length, kills, changes, leftBehind: left.length, ...verdict };
  } finally {
    ended.abort();
    await workers.stop();
    redis.disconnect();
    await client.close();
  }
}

/** Of an odd version, there is one scheduler more. */
async function applyQueue(client: KubeClient, namespace: string, name: string, version: number): Promise<unknown> {
  const template = { data: { version } };
  const declared: JobSchedulerSpec[] = PERIODS.map(({ name: scheduler, seconds, cron }) => ({
    name: scheduler,
    template,
    ...(cron === undefined ? { every: `${seconds}s` } : { cron }),
  }));
  const schedulers = version % 2 === 1 ? [...declared, { name: 'comes-and-goes', every: '2s' }] : declared;
  const queue = { metadata: { namespace, name }, spec: { schedulers } };
  return await client.apply(QUEUES, queue, { fieldManager: 'bench', force: true });
}

async function applied(client: KubeClient, namespace: string, name: string): Promise<void> {
  const isApplied = async (): Promise<boolean> => {
    const queue = await client.get<WithConditions>(QUEUES, { namespace, name });
    const ready = findCondition(queue?.status?.conditions, 'Ready');
    return ready?.status === 'True' && ready.observedGeneration === queue?.metadata.generation;
  };
  await eventually(isApplied, { timeoutMs: 60_000, description: `Queue ${name} to be applied` });
}

async function killAgainAndAgain(
  stand: Stand,
  first: RunningApp,
  { random, longestLifeMs, end }: SchedulersOptions & { readonly random: () => number; readonly end: AbortSignal },
): Promise<number> {
  let [app, kills] = [first, 0];
  while (!end.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- one life after the other
    await sleep(wholeBetween(random, 0, longestLifeMs), undefined, { signal: end }).catch(() => undefined);
    if (end.aborted) break;
    // oxlint-disable-next-line no-await-in-loop
    await app.process.stop('SIGKILL');
    // oxlint-disable-next-line no-await-in-loop
    app = await stand.startApp('queue-controller', ...SIDE_BY_SIDE);
    kills++;
  }
  return kills;
}

async function changeAgainAndAgain(
  names: readonly string[],
  apply: (name: string, version: number) => Promise<unknown>,
  random: () => number,
  end: AbortSignal,
): Promise<number> {
  let changes = 0;
  while (!end.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- one change after the other
    await apply(names[wholeBetween(random, 0, names.length - 1)]!, ++changes);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(CHANGE_EVERY_MS, undefined, { signal: end }).catch(() => undefined);
  }
  return changes;
}

/** Schedulers beyond those that are declared, and delayed jobs beyond one of each of these: where each is. */
async function leftIn(redis: Redis, names: readonly string[]): Promise<string[]> {
  const declared = new Set(PERIODS.map(({ name }) => name));
  const left = await Promise.all(
    names.map(async (name) => {
      const schedulers = await redis.zrange(`bull:${name}:repeat`, 0, '-1');
      const delayed = await redis.zrange(`bull:${name}:delayed`, 0, '-1');
      const next = new Set<string>();
      const more = delayed.filter((id) => {
        const scheduler = id.split(':')[1] ?? '';
        const isNext = declared.has(scheduler) && !next.has(scheduler);
        next.add(scheduler);
        return !isNext;
      });
      return [
        ...schedulers.filter((scheduler) => !declared.has(scheduler)).map((each) => `${name}: scheduler ${each}`),
        ...more.map((id) => `${name}: job ${id}`),
      ];
    }),
  );
  return left.flat();
}
