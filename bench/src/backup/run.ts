import { Redis } from 'ioredis';
import { startProcess, startRedis, type ChildHandle, type RedisServer } from '@redis-queue/rig';
import { setTimeout as sleep } from 'node:timers/promises';
import { coreEach } from '../measuring/core-each.ts';
import { finishedJobs } from '../measuring/finished-jobs.ts';
import { hundredths, percentile, tenths } from '../measuring/percentile.ts';
import { seedEveryState, seedOthers } from './seed.ts';

export interface BackupBenchOptions {
  readonly jobs: number;
  readonly dataBytes: number;
  /** Keys beside the queue. */
  readonly others: number;
  /** Pairs of a bare read and a snapshot. */
  readonly pairs: number;
  /** Snapshots beside workers. */
  readonly turns: number;
  /** Length of the turns without a snapshot, in which workers are compared. */
  readonly windowMs: number;
  readonly progress: (message: string) => void;
}

/** One reading of all jobs. */
export interface Reading {
  readonly way: string;
  readonly jobs: number;
  readonly wallMs: number;
  /** The longest that somebody else waited for Redis meanwhile. */
  readonly stallMs: number;
  readonly rssMib: number;
}

export interface BackupReport {
  readonly jobs: number;
  /** Time of a snapshot to that of HGETALL of the same jobs in pipelines of 200: the median of the pairs. */
  readonly ratioToBareRead: number;
  /** The longest that a PING waited during snapshots on a Redis that does nothing else, page by page and at one instant. */
  readonly idleStallMs: number;
  /** The same while nothing is read. */
  readonly idleNoiseMs: number;
  /** Entries that were read at one instant, and the longest PING meanwhile. */
  readonly entriesAtOnce: number;
  readonly atOnceStallMs: number;
  /** The slowest command of snapshots in Redis' own log. */
  readonly slowestCommandMs: number;
  /** Jobs per second that workers finish during snapshots, to those without: the median of neighbouring turns. */
  readonly workerThroughputShare: number;
  readonly workersPerSecond: number;
  readonly loadedStallMs: number;
  readonly loadedNoiseMs: number;
  /** How long a snapshot takes beside workers that saturate Redis. */
  readonly loadedMs: number;
  /** The most memory of a process that takes a snapshot. */
  readonly rssMib: number;
  /** Jobs that a snapshot has not read: must be 0. */
  readonly missing: number;
  readonly rows: readonly Reading[];
}

const QUEUE = 'whole';
const SMALL = 'small';
const BUSY = 'busy';
const CLIENT = 'backup';
/** What one instant holds at most. */
const AT_ONCE = 50_000;
/** As the image runs Node; it would let garbage lie for longer by itself. */
const IMAGE_FLAGS = '--max-semi-space-size=1 --max-old-space-size=80';
const SLOW_FROM_US = 500;

/** Takes snapshots of a queue with jobs in every state, beside reading them bare, and beside workers. */
export async function runBackup(options: BackupBenchOptions): Promise<BackupReport> {
  const { jobs, dataBytes, others, pairs, progress, windowMs } = options;
  await using server = await startRedis();
  const control = new Redis(server.url, { maxRetriesPerRequest: null });
  progress(`seeds ${jobs} jobs and ${others} other keys`);
  await seedEveryState(control, QUEUE, jobs, dataBytes);
  const entriesAtOnce = Math.min(AT_ONCE, Math.ceil(jobs / 2));
  await seedEveryState(control, SMALL, entriesAtOnce, dataBytes);
  await seedOthers(control, others);
  await control.config('SET', 'slowlog-max-len', '100000');
  await control.config('SET', 'slowlog-log-slower-than', String(SLOW_FROM_US));
  const stalls = startProcess(process.execPath, [`${import.meta.dirname}/stall-process.ts`], {
    env: { REDIS_URL: server.url },
  });
  try {
    await coreEach(server.pid, [process.pid, stalls.pid]);
    await stalls.waitForLine(/^stall /);
    const noise = await during(stalls, () => sleep(windowMs));
    const [bare, ours]: Reading[][] = [[], []];
    for (let pair = 1; pair <= pairs; pair++) {
      progress(`bare and as a snapshot: ${pair} of ${pairs}`);
      bare!.push(await read(server, stalls, 'bare', QUEUE));
      ours!.push(await read(server, stalls, 'snapshot', QUEUE));
    }
    const atOnce: Reading[] = [];
    for (let pair = 1; pair <= pairs; pair++) atOnce.push(await read(server, stalls, 'snapshot', SMALL));
    const slowestCommandMs = await slowestOfClient(control);
    progress('beside workers that saturate Redis');
    const beside = await besideWorkers(server, control, stalls, options);
    const snapshots = [...ours!, ...atOnce];
    return {
      jobs,
      ratioToBareRead: median(ours!.map(({ wallMs }, pair) => wallMs / bare![pair]!.wallMs)),
      idleStallMs: most(snapshots.map(({ stallMs }) => stallMs)),
      idleNoiseMs: noise.stallMs,
      entriesAtOnce,
      atOnceStallMs: most(atOnce.map(({ stallMs }) => stallMs)),
      slowestCommandMs,
      ...beside,
      rssMib: most(snapshots.map(({ rssMib }) => rssMib)),
      missing: most(ours!.map((reading) => jobs - reading.jobs)),
      rows: [...bare!, ...ours!, ...atOnce],
    };
  } finally {
    await stalls.stop();
    control.disconnect();
  }
}

type Way = 'bare' | 'snapshot';

async function read(server: RedisServer, stalls: ChildHandle, way: Way, queue: string): Promise<Reading> {
  const env = { REDIS_URL: server.url, QUEUE: queue, WAY: way, NODE_OPTIONS: IMAGE_FLAGS };
  const reader = startProcess(process.execPath, [`${import.meta.dirname}/read-process.ts`], { env });
  await coreEach(server.pid, [reader.pid]);
  const line = await reader.waitForLine(/^\{/, { timeoutMs: 3_600_000 });
  await reader.exited;
  const { jobs, beganMs, wallMs, peakMib } = JSON.parse(line) as Record<
    'jobs' | 'beganMs' | 'wallMs' | 'peakMib',
    number
  >;
  const stallMs = await longestStall(stalls, beganMs, beganMs + wallMs);
  return { way: `${way} of ${queue}`, jobs, wallMs: Math.round(wallMs), stallMs, rssMib: tenths(peakMib) };
}

async function during<T>(
  stalls: ChildHandle,
  run: () => Promise<T>,
): Promise<{ result: T; stallMs: number; ms: number }> {
  const beganMs = Date.now();
  const result = await run();
  return { result, stallMs: await longestStall(stalls, beganMs, Date.now()), ms: Date.now() - beganMs };
}

/** Waits until what was asked before `toMs` has been answered and printed. */
async function longestStall(stalls: ChildHandle, fromMs: number, toMs: number): Promise<number> {
  const all = (): [atMs: number, ms: number][] =>
    stalls.lines.map((line) => line.split(' ').slice(1).map(Number) as [number, number]);
  while ((all().at(-1)?.[0] ?? 0) <= toMs) await sleep(20);
  const meanwhile = all().filter(([atMs], at, lines) => atMs <= toMs && (lines[at + 1]?.[0] ?? Infinity) >= fromMs);
  return most(meanwhile.map(([, ms]) => ms));
}

type BesideWorkers = Pick<
  BackupReport,
  'workerThroughputShare' | 'workersPerSecond' | 'loadedStallMs' | 'loadedNoiseMs' | 'loadedMs'
>;

async function besideWorkers(
  server: RedisServer,
  control: Redis,
  stalls: ChildHandle,
  { windowMs, turns }: BackupBenchOptions,
): Promise<BesideWorkers> {
  const workers = startProcess(process.execPath, [`${import.meta.dirname}/../retention/saturate-process.ts`], {
    env: { REDIS_URL: server.url, QUEUE: BUSY },
  });
  try {
    await coreEach(server.pid, [workers.pid]);
    await workers.waitForLine(/^saturated$/, { timeoutMs: 60_000 });
    await sleep(windowMs);
    const turn = async (run: () => Promise<unknown>): Promise<{ perSecond: number; stallMs: number; ms: number }> => {
      const before = await finishedJobs(control, BUSY);
      const { stallMs, ms } = await during(stalls, run);
      return { perSecond: ((await finishedJobs(control, BUSY)) - before) / (ms / 1_000), stallMs, ms };
    };
    const without = [await turn(() => sleep(windowMs))];
    const beside: typeof without = [];
    for (let n = 0; n < turns; n++) {
      beside.push(await turn(() => read(server, stalls, 'snapshot', QUEUE)));
      without.push(await turn(() => sleep(windowMs)));
    }
    const around = (n: number): number => (without[n]!.perSecond + without[n + 1]!.perSecond) / 2;
    return {
      workerThroughputShare: median(beside.map(({ perSecond }, n) => perSecond / around(n))),
      workersPerSecond: Math.round(median(without.map(({ perSecond }) => perSecond))),
      loadedStallMs: most(beside.map(({ stallMs }) => stallMs)),
      loadedNoiseMs: most(without.map(({ stallMs }) => stallMs)),
      loadedMs: Math.round(median(beside.map(({ ms }) => ms))),
    };
  } finally {
    await workers.stop();
  }
}

/** 0: none took as long as the log's threshold. */
async function slowestOfClient(redis: Redis): Promise<number> {
  type Entry = [id: number, at: number, us: number, words: string[], address: string, client: string];
  const entries = (await redis.slowlog('GET', 100_000)) as Entry[];
  return most(entries.filter(([, , , , , client]) => client === CLIENT).map(([, , us]) => us / 1_000));
}

function median(values: readonly number[]): number {
  return hundredths(percentile(values, 0.5));
}

function most(values: readonly number[]): number {
  return hundredths(Math.max(0, ...values));
}
