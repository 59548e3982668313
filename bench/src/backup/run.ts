import { Redis } from 'ioredis';
import { startProcess, startRedis, type ChildHandle, type RedisServer } from '@redis-queue/rig';
import { setTimeout as sleep } from 'node:timers/promises';
import { coreEach, weighAsRequested } from '../measuring/core-each.ts';
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
  /** The longest that a PING of somebody else waited meanwhile. */
  readonly pingMs: number;
  readonly rssMib: number;
}

export interface BackupReport {
  readonly jobs: number;
  /** Time of a snapshot to that of HGETALL of the same jobs in pipelines of 200: the median of the pairs. */
  readonly ratioToBareRead: number;
  /** The same of a whole backup, compressed, encrypted and written to a directory. */
  readonly ratioOfBackup: number;
  /**
   * The longest that Redis did nothing but snapshots, by its own log: their slowest command or transaction, page by page
   * and at one instant, on a Redis that does nothing else.
   */
  readonly idleStallMs: number;
  /** The longest that a PING waited meanwhile, which waits for its own core as well; and while nothing is read. */
  readonly idlePingMs: number;
  readonly idleNoiseMs: number;
  /** Entries that were read at one instant. */
  readonly entriesAtOnce: number;
  /** Jobs per second that workers finish during backups, to those without: the median of neighbouring turns. */
  readonly workerThroughputShare: number;
  /**
   * The same during bare reads that last as long. Where workers and who reads share a core, it is what the machine
   * leaves.
   */
  readonly bareThroughputShare: number;
  readonly workersPerSecond: number;
  /** As `idleStallMs` and `idlePingMs`, beside workers. */
  readonly loadedStallMs: number;
  readonly loadedPingMs: number;
  readonly loadedNoiseMs: number;
  /** How long a backup takes beside workers that saturate Redis. */
  readonly loadedMs: number;
  /** The most memory of a process that takes a snapshot or a backup. */
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
const SLOW_FROM_US = 200;

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
    const [bare, ours, whole]: Reading[][] = [[], [], []];
    for (let pair = 1; pair <= pairs; pair++) {
      progress(`bare, as a snapshot and as a backup: ${pair} of ${pairs}`);
      bare!.push(await read(server, stalls, 'bare', QUEUE));
      ours!.push(await read(server, stalls, 'snapshot', QUEUE));
      whole!.push(await read(server, stalls, 'backup', QUEUE));
    }
    const atOnce: Reading[] = [];
    for (let pair = 1; pair <= pairs; pair++) atOnce.push(await read(server, stalls, 'snapshot', SMALL));
    const idleStallMs = await longestOfClient(control);
    await control.slowlog('RESET');
    progress('beside workers that saturate Redis');
    const beside = await besideWorkers(server, control, stalls, options);
    const readings = [...ours!, ...whole!, ...atOnce];
    const ratio = (of: readonly Reading[]): number => median(of.map(({ wallMs }, at) => wallMs / bare![at]!.wallMs));
    return {
      jobs,
      ratioToBareRead: ratio(ours!),
      ratioOfBackup: ratio(whole!),
      idleStallMs,
      idlePingMs: most(readings.map(({ pingMs }) => pingMs)),
      idleNoiseMs: noise.pingMs,
      entriesAtOnce,
      ...beside,
      loadedStallMs: await longestOfClient(control),
      rssMib: most(readings.map(({ rssMib }) => rssMib)),
      missing: most([...ours!, ...whole!].map((reading) => jobs - reading.jobs)),
      rows: [...bare!, ...readings],
    };
  } finally {
    await stalls.stop();
    control.disconnect();
  }
}

type Way = 'bare' | 'snapshot' | 'backup';

/** @param lastsMs how long a bare read is made to last; 0: as fast as it can. */
async function read(server: RedisServer, stalls: ChildHandle, way: Way, queue: string, lastsMs = 0): Promise<Reading> {
  await using reader = await startReader(server, way, queue, lastsMs);
  return await readWith(reader, stalls, `${way} of ${queue}`);
}

/** A process that reads as soon as it is told to: its start costs more than a second of its core. */
async function startReader(server: RedisServer, way: Way, queue: string, lastsMs = 0): Promise<ChildHandle> {
  const env = {
    REDIS_URL: server.url,
    QUEUE: queue,
    WAY: way,
    LASTS_MS: String(lastsMs),
    NODE_OPTIONS: IMAGE_FLAGS,
  };
  const reader = startProcess(process.execPath, [`${import.meta.dirname}/read-process.ts`], { env });
  await coreEach(server.pid, [reader.pid]);
  await reader.waitForLine(/^ready$/, { timeoutMs: 60_000 });
  return reader;
}

async function readWith(reader: ChildHandle, stalls: ChildHandle, way: string): Promise<Reading> {
  reader.kill('SIGUSR2');
  const line = await reader.waitForLine(/^\{/, { timeoutMs: 3_600_000 });
  type Figures = Record<'jobs' | 'beganMs' | 'wallMs' | 'peakMib', number>;
  const { jobs, beganMs, wallMs, peakMib } = JSON.parse(line) as Figures;
  const pingMs = await longestPing(stalls, beganMs, beganMs + wallMs);
  return { way, jobs, wallMs: Math.round(wallMs), pingMs, rssMib: tenths(peakMib) };
}

async function during<T>(
  stalls: ChildHandle,
  run: () => Promise<T>,
): Promise<{ result: T; pingMs: number; ms: number }> {
  const beganMs = Date.now();
  const result = await run();
  const ms = Date.now() - beganMs;
  return { result, pingMs: await longestPing(stalls, beganMs, beganMs + ms), ms };
}

/** Waits until what was asked before `toMs` has been answered and printed. */
async function longestPing(stalls: ChildHandle, fromMs: number, toMs: number): Promise<number> {
  const all = (): [atMs: number, ms: number][] =>
    stalls.lines.map((line) => line.split(' ').slice(1).map(Number) as [number, number]);
  while ((all().at(-1)?.[0] ?? 0) <= toMs) await sleep(20);
  const meanwhile = all().filter(([atMs], at, lines) => atMs <= toMs && (lines[at + 1]?.[0] ?? Infinity) >= fromMs);
  return most(meanwhile.map(([, ms]) => ms));
}

type BesideWorkers = Pick<
  BackupReport,
  'workerThroughputShare' | 'bareThroughputShare' | 'workersPerSecond' | 'loadedPingMs' | 'loadedNoiseMs' | 'loadedMs'
>;

interface Turn {
  readonly perSecond: number;
  readonly pingMs: number;
  readonly ms: number;
}

async function besideWorkers(
  server: RedisServer,
  control: Redis,
  stalls: ChildHandle,
  { windowMs, turns, progress }: BackupBenchOptions,
): Promise<BesideWorkers> {
  const workers = startProcess(process.execPath, [`${import.meta.dirname}/../retention/saturate-process.ts`], {
    env: { REDIS_URL: server.url, QUEUE: BUSY },
  });
  try {
    await coreEach(server.pid, [workers.pid]);
    await workers.waitForLine(/^saturated$/, { timeoutMs: 60_000 });
    await sleep(windowMs);
    const turn = async (run: () => Promise<unknown>): Promise<Turn> => {
      const before = await finishedJobs(control, BUSY);
      const { pingMs, ms } = await during(stalls, run);
      return { perSecond: ((await finishedJobs(control, BUSY)) - before) / (ms / 1_000), pingMs, ms };
    };
    const reading = async (way: Way, lastsMs = 0): Promise<Turn> => {
      await using reader = await startReader(server, way, QUEUE, lastsMs);
      await weighAsRequested(reader.pid);
      return await turn(() => readWith(reader, stalls, way));
    };
    const without = [await turn(() => sleep(windowMs))];
    const [backups, bare]: Turn[][] = [[], []];
    const said = (n: number, what: string, { perSecond, ms }: Turn): void =>
      progress(`${n} of ${turns}: ${what} of ${tenths(ms / 1_000)} s, beside ${Math.round(perSecond)} jobs per second`);
    for (let n = 0; n < turns; n++) {
      backups!.push(await reading('backup'));
      said(n + 1, 'a backup', backups![n]!);
      without.push(await turn(() => sleep(windowMs)));
      bare!.push(await reading('bare', backups![n]!.ms));
      said(n + 1, 'a bare read', bare![n]!);
      without.push(await turn(() => sleep(windowMs)));
    }
    const around = (at: number): number => (without[at]!.perSecond + without[at + 1]!.perSecond) / 2;
    return {
      workerThroughputShare: median(backups!.map(({ perSecond }, n) => perSecond / around(2 * n))),
      bareThroughputShare: median(bare!.map(({ perSecond }, n) => perSecond / around(2 * n + 1))),
      workersPerSecond: Math.round(median(without.map(({ perSecond }) => perSecond))),
      loadedPingMs: most(backups!.map(({ pingMs }) => pingMs)),
      loadedNoiseMs: most(without.map(({ pingMs }) => pingMs)),
      loadedMs: Math.round(median(backups!.map(({ ms }) => ms))),
    };
  } finally {
    await workers.stop();
  }
}

/**
 * The longest that Redis worked for snapshots without a pause, ms. Its log names the commands of a transaction one by
 * one; they stand together, as nobody else's come in between, and between two transactions of one client there are
 * scripts.
 */
async function longestOfClient(redis: Redis): Promise<number> {
  type Entry = [id: number, at: number, us: number, words: string[], address: string, client: string];
  const entries = ((await redis.slowlog('GET', 100_000)) as Entry[]).toReversed();
  const isOfTransaction = (at: number): boolean =>
    entries[at]?.[5] === CLIENT && /^[lz]range$/i.test(entries[at][3][0] ?? '');
  const workedUs: number[] = [];
  for (const [at, [, , us, , , client]] of entries.entries()) {
    if (isOfTransaction(at) && isOfTransaction(at - 1)) workedUs[workedUs.length - 1]! += us;
    else if (client === CLIENT) workedUs.push(us);
  }
  return most(workedUs.map((us) => us / 1_000));
}

function median(values: readonly number[]): number {
  return hundredths(percentile(values, 0.5));
}

function most(values: readonly number[]): number {
  return hundredths(Math.max(0, ...values));
}
