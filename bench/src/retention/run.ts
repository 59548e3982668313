import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import {
  OWNER_FIELD,
  retentionRound,
  type LimitedQueue,
  type RetentionResult,
  type RoundOptions,
  readServerPressure,
} from '@redis-queue/bullmq';
import { startProcess, startRedis, type RedisServer } from '@redis-queue/rig';
import { setTimeout as sleep } from 'node:timers/promises';
import { coreEach } from '../measuring/core-each.ts';
import { finishedJobs } from '../measuring/finished-jobs.ts';
import { hundredths, percentile, tenths } from '../measuring/percentile.ts';
import { seedCompleted } from './seed.ts';

export interface RetentionBenchOptions {
  readonly jobs: number;
  /** Length of the turns with cleaning and without it, in which workers are compared. */
  readonly windowMs: number;
  readonly progress: (message: string) => void;
}

/** One way to remove all of the jobs. */
export interface Removal {
  readonly way: string;
  readonly removed: number;
  readonly wallMs: number;
  /** Time of scripts that write, as Redis counts it; beside workers, of the calls, waiting for Redis included. */
  readonly scriptMs: number;
}

export interface RetentionReport {
  readonly jobs: number;
  /** Jobs per second that workers finish while old ones are removed, to those without: the median of neighbouring turns. */
  readonly workerThroughputShare: number;
  /** The slowest step while workers run, in Redis' own log, by the clock. */
  readonly slowestScriptMs: number;
  /** Of the workers' scripts, which take a tenth of a millisecond, in the same log: what the machine adds. */
  readonly slowestWorkerScriptMs: number;
  /** The slowest step of some without workers, in processor time of Redis, which a busy machine does not change. */
  readonly slowestStepCpuMs: number;
  /** Time that the removal takes, at full speed and without workers, to that of `Queue.clean`: the median of the pairs. */
  readonly ratioToBareClean: number;
  /** The same of Redis' time in scripts. */
  readonly scriptRatioToBareClean: number;
  /** How long it took beside workers, and what share of this time its calls took, waiting for Redis included. */
  readonly pacedMs: number;
  readonly pacedSharePercent: number;
  readonly workersPerSecond: number;
  /** Jobs over their time that are still there, and younger ones that are gone: must be 0. */
  readonly oldLeft: number;
  readonly youngLost: number;
  readonly rows: readonly Removal[];
}

const MARK = 'bench';
const HOUR = 3_600_000;
const SLOW_FROM_US = 500;
/** Whose steps are measured one by one. */
const MEASURED_JOBS = 50_000;
const CLIENT = 'retention';
/** Longer than any bench. */
const NO_END_MS = 24 * HOUR;

/** Pairs of turns by the two ways, one right after the other, so that what else the machine does is in both. */
const PAIRS = 10;

/**
 * Removes completed jobs that are an hour over their limit by `Queue.clean` and by rounds of retention, each on a Redis of
 * its own that does nothing else; then by rounds at their own pace beside workers of the same queue.
 */
export async function runRetention({ jobs, windowMs, progress }: RetentionBenchOptions): Promise<RetentionReport> {
  const pairs: { bare: Removal; ours: Removal }[] = [];
  for (let pair = 1; pair <= PAIRS; pair++) {
    progress(
      `${jobs / PAIRS} jobs by Queue.clean, and as many by rounds of retention at full speed: ${pair} of ${PAIRS}`,
    );
    pairs.push({ bare: await cleanBare(jobs / PAIRS), ours: await cleanOurs(jobs / PAIRS) });
  }
  const slowestStepCpuMs = await slowestStep(Math.min(jobs, MEASURED_JOBS));
  progress(`${jobs} jobs, by rounds of retention beside workers`);
  const { row, ...beside } = await besideWorkers(jobs, windowMs);
  const medianRatio = (of: (removal: Removal) => number): number =>
    hundredths(
      percentile(
        pairs.map(({ bare, ours }) => of(ours) / of(bare)),
        0.5,
      ),
    );
  return {
    jobs,
    ...beside,
    slowestStepCpuMs,
    ratioToBareClean: medianRatio(({ wallMs }) => wallMs),
    scriptRatioToBareClean: medianRatio(({ scriptMs }) => scriptMs),
    rows: [sumOf(pairs.map(({ bare }) => bare)), sumOf(pairs.map(({ ours }) => ours)), row],
  };
}

function cleanBare(jobs: number): Promise<Removal> {
  return alone(jobs, 'Queue.clean', async (redis, { queue }) => {
    const client = new Queue(queue.name, { connection: redis, skipMetasUpdate: true });
    return (await client.clean(HOUR, jobs, 'completed')).length;
  });
}

function cleanOurs(jobs: number): Promise<Removal> {
  return alone(jobs, 'retention, no pace', async (redis, queue) => {
    const [result] = await retentionRound([queue], { ...roundOptions(redis), sleep: () => Promise.resolve() });
    return result!.removed;
  });
}

function sumOf(removals: readonly Removal[]): Removal {
  const sum = (of: (removal: Removal) => number): number =>
    Math.round(removals.reduce((all, each) => all + of(each), 0));
  return {
    way: removals[0]!.way,
    removed: sum(({ removed }) => removed),
    wallMs: sum(({ wallMs }) => wallMs),
    scriptMs: sum(({ scriptMs }) => scriptMs),
  };
}

function roundOptions(redis: Redis): RoundOptions {
  return {
    call: (run) => run(redis),
    now: () => performance.now(),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
    random: () => 0,
    roundMs: NO_END_MS,
    signal: new AbortController().signal,
  };
}

/** A Redis with completed jobs of two hours ago, of which an hour is kept. */
async function seeded(server: RedisServer, jobs: number): Promise<{ control: Redis; limited: LimitedQueue }> {
  const control = new Redis({ host: server.host, port: server.port, maxRetriesPerRequest: null });
  await seedCompleted(control, 'old', jobs, Date.now() - 2 * HOUR);
  await control.hset('bull:old:meta', OWNER_FIELD, MARK);
  await control.config('SET', 'slowlog-max-len', '100000');
  await control.config('SET', 'slowlog-log-slower-than', String(SLOW_FROM_US));
  await control.config('RESETSTAT');
  const limited = {
    queue: { prefix: 'bull', name: 'old' },
    mark: MARK,
    limits: { completedMs: HOUR, leavesDeadLetters: false },
  };
  return { control, limited };
}

function connect(server: RedisServer): Redis {
  return new Redis({ host: server.host, port: server.port, connectionName: CLIENT, maxRetriesPerRequest: null });
}

async function alone(
  jobs: number,
  way: string,
  remove: (redis: Redis, queue: LimitedQueue) => Promise<number>,
): Promise<Removal> {
  await using server = await startRedis();
  await coreEach(server.pid, [process.pid]);
  const { control, limited } = await seeded(server, jobs);
  const redis = connect(server);
  try {
    const beganMs = performance.now();
    const removed = await remove(redis, limited);
    const wallMs = performance.now() - beganMs;
    return { way, removed, wallMs, scriptMs: await writingScriptMs(control) };
  } finally {
    for (const each of [redis, control]) each.disconnect();
  }
}

async function slowestStep(jobs: number): Promise<number> {
  let slowestMs = 0;
  await alone(jobs, 'measured', async (redis, queue) => {
    const options = roundOptions(redis);
    const [result] = await retentionRound([queue], {
      ...options,
      sleep: () => Promise.resolve(),
      call: async (run) => {
        const before = await readServerPressure(redis);
        const reply = await options.call(run);
        const after = await readServerPressure(redis);
        slowestMs = Math.max(slowestMs, after.commandCpuMs! - before.commandCpuMs!);
        return reply;
      },
    });
    return result!.removed;
  });
  return hundredths(slowestMs);
}

async function writingScriptMs(redis: Redis): Promise<number> {
  const info = await redis.info('commandstats');
  const times = [...info.matchAll(/^cmdstat_eval(?:sha)?:calls=\d+,usec=(\d+)/gm)].map(([, us]) => Number(us));
  return times.reduce((sum, us) => sum + us, 0) / 1_000;
}

type BesideWorkers = Omit<
  RetentionReport,
  'jobs' | 'slowestStepCpuMs' | 'ratioToBareClean' | 'scriptRatioToBareClean' | 'rows'
> & {
  readonly row: Removal;
};

/** Turns with cleaning and turns without, until no old job is left. */
async function besideWorkers(jobs: number, windowMs: number): Promise<BesideWorkers> {
  await using server = await startRedis();
  const { control, limited } = await seeded(server, jobs);
  const redis = connect(server);
  const workers = startProcess(process.execPath, [`${import.meta.dirname}/saturate-process.ts`], {
    env: { REDIS_URL: server.url, QUEUE: limited.queue.name },
  });
  try {
    await coreEach(server.pid, [process.pid, workers.pid]);
    await workers.waitForLine(/^saturated$/, { timeoutMs: 60_000 });
    await sleep(windowMs);
    const rates = { with: [] as number[], without: [] as number[] };
    let [removed, pacedMs, callsMs] = [0, 0, 0];
    const measured = async <T>(run: () => Promise<T>): Promise<{ result: T; perSecond: number; ms: number }> => {
      const [before, beganMs] = [await finishedJobs(control, limited.queue.name), performance.now()];
      const result = await run();
      const ms = performance.now() - beganMs;
      return { result, perSecond: ((await finishedJobs(control, limited.queue.name)) - before) / (ms / 1_000), ms };
    };
    const clean = async (): Promise<RetentionResult> => {
      const options = { ...roundOptions(redis), signal: AbortSignal.timeout(windowMs) };
      const [result] = await retentionRound([limited], {
        ...options,
        call: async (run) => {
          const beganMs = performance.now();
          const reply = await options.call(run);
          callsMs += performance.now() - beganMs;
          return reply;
        },
      });
      return result!;
    };
    // Workers to which a busy machine gave no time are waited for: a share of nothing would be no number.
    const workAlone = async (): Promise<void> => {
      const before = await finishedJobs(control, limited.queue.name);
      do await sleep(windowMs);
      while ((await finishedJobs(control, limited.queue.name)) === before);
    };
    rates.without.push((await measured(workAlone)).perSecond);
    for (let isLast = false; !isLast;) {
      const { result, perSecond, ms } = await measured(clean);
      isLast = !result.unfinished;
      removed += result.removed;
      pacedMs += ms;
      // The last turn may be too short to say something.
      if (!isLast || rates.with.length === 0) rates.with.push(perSecond);
      rates.without.push((await measured(workAlone)).perSecond);
    }
    const shares = rates.with.map((rate, index) => rate / ((rates.without[index]! + rates.without[index + 1]!) / 2));
    const slowest = await slowestScripts(control);
    workers.kill('SIGTERM');
    await workers.exited;
    const oldLeft = await control.zcount('bull:old:completed', '-inf', Date.now() - HOUR);
    const youngLost =
      (await finishedJobs(control, limited.queue.name)) - (await control.zcard('bull:old:completed')) - removed;
    return {
      workerThroughputShare: hundredths(percentile(shares, 0.5)),
      slowestScriptMs: slowest.oursMs,
      slowestWorkerScriptMs: slowest.workersMs,
      pacedMs: Math.round(pacedMs),
      pacedSharePercent: tenths((100 * callsMs) / pacedMs),
      workersPerSecond: Math.round(percentile(rates.without, 0.5)),
      oldLeft,
      youngLost,
      row: { way: 'retention, beside workers', removed, wallMs: Math.round(pacedMs), scriptMs: Math.round(callsMs) },
    };
  } finally {
    await workers.stop();
    for (const each of [redis, control]) each.disconnect();
  }
}

/** 0: none took as long as the log's threshold. */
async function slowestScripts(redis: Redis): Promise<{ oursMs: number; workersMs: number }> {
  type Entry = [id: number, at: number, us: number, words: string[], address: string, client: string];
  const entries = (await redis.slowlog('GET', 100_000)) as Entry[];
  const slowestMs = (isOurs: boolean): number => {
    const found = entries.filter(
      ([, , , [command], , client]) => /^evalsha/i.test(command!) && (client === CLIENT) === isOurs,
    );
    return hundredths(found.reduce((most, [, , us]) => Math.max(most, us), 0) / 1_000);
  };
  return { oursMs: slowestMs(true), workersMs: slowestMs(false) };
}
