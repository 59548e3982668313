import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { sampleBacklogs, sampleQueues, type BacklogFields, type QueueRef } from '@redis-queue/bullmq';
import { startRedis } from '@redis-queue/rig';
import { coreEach } from '../measuring/core-each.ts';
import { hundredths, percentile, tenths } from '../measuring/percentile.ts';

export interface SamplingOptions {
  readonly queues: number;
  /** Over all queues, by state as `JOBS_PER_QUEUE`. */
  readonly jobs: number;
  readonly tries: number;
  readonly progress: (message: string) => void;
}

/** What one pass over all queues took. */
export interface Pass {
  readonly wallMs: number;
  readonly redisCpuMs: number;
  readonly clientCpuMs: number;
}

export interface SamplingReport {
  readonly queues: number;
  readonly jobs: number;
  readonly wallMs: number;
  readonly cpuRatioToGetJobCounts: number;
  readonly wallRatioToGetJobCounts: number;
  /** The same when heads of line and limits of every queue are read too. */
  readonly cpuRatioWithEverything: number;
  readonly slowestScriptMs: number;
  /** Redis' and the client's CPU of one pass. */
  readonly redisCpuMs: number;
  readonly clientCpuMs: number;
  readonly getJobCounts: Pass;
  /** Queues for which a count differs between the two ways: must be 0. */
  readonly disagreements: number;
  readonly rows: readonly (Pass & { readonly way: string; readonly attempt: number })[];
}

/** Of a hundred jobs of a queue: 30 wait, 10 are prioritized, 5 delayed, 2 active, 50 completed, 3 failed. */
const STATES = { wait: 30, prioritized: 10, delayed: 5, active: 2, completed: 50, failed: 3 } as const;
const QUEUES_PER_SEED = 20;
/** Passes of each way before those that count. */
const WARM_UP = 2;
/** Scripts faster than this are not logged, so that logging costs neither way anything. */
const SLOW_FROM_US = 200;
/**
 * As the autoscaler samples queues whose lines are young: no heads, rare fields of a fifth of them, orphans of a third
 * of those.
 */
const LOOKS_PER_RARE = 5;
const LOOKS_PER_ORPHANS = 15;
/** `getJobCounts` calls that are under way together: one pipeline of ioredis. */
const CALLS_TOGETHER = 500;

/** Puts queues as BullMQ leaves them. ARGV: first and last queue, base time in ms, jobs of each state. */
const SEED = `
local from, to, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local states = { 'wait', 'prioritized', 'delayed', 'active', 'completed', 'failed' }
local data = string.rep('x', 40)
for q = from, to do
  local base = 'bull:q' .. q .. ':'
  redis.call('HSET', base .. 'meta', 'opts.maxLenEvents', '10000', 'version', 'bullmq:6.7.0')
  local id = 0
  for s, state in ipairs(states) do
    for n = 1, tonumber(ARGV[3 + s]) do
      id = id + 1
      local job = base .. id
      redis.call('HSET', job, 'name', 'job', 'data', data, 'opts', '{"attempts":3}', 'timestamp', now - n, 'delay', 0, 'priority', 0)
      if state == 'wait' then redis.call('LPUSH', base .. state, id)
      elseif state == 'active' then
        redis.call('LPUSH', base .. state, id)
        redis.call('HSET', job, 'processedOn', now, 'ats', 1)
        redis.call('SET', job .. ':lock', 'token')
      elseif state == 'prioritized' then redis.call('ZADD', base .. state, n * 4294967296 + n, id)
      elseif state == 'delayed' then redis.call('ZADD', base .. state, string.format('%.0f', (now + n * 120000) * 4096), id)
      else
        redis.call('HSET', job, 'processedOn', now, 'finishedOn', now + n, 'ats', 1, 'atm', 1)
        redis.call('ZADD', base .. state, now + n, id)
      end
    end
  end
  redis.call('SET', base .. 'id', id)
end`;

/**
 * A tier-1 pass of the autoscaler's sampler over all queues beside `Queue.getJobCounts` over the same queues: one real
 * Redis, one connection each, in turns; figures are medians.
 */
export async function runSampling({ queues, jobs, tries, progress }: SamplingOptions): Promise<SamplingReport> {
  await using server = await startRedis();
  await coreEach(server.pid, [process.pid]);
  const connect = (): Redis => new Redis({ host: server.host, port: server.port, maxRetriesPerRequest: null });
  const [control, reader, shared] = [connect(), connect(), connect()];
  try {
    progress(`creating ${jobs} jobs in ${queues} queues`);
    const created = await seed(control, queues, jobs / queues);
    const refs = Array.from({ length: queues }, (_, i): QueueRef => ({ prefix: 'bull', name: `q${i}` }));
    const objects = refs.map(({ name }) => new Queue(name, { connection: shared, skipMetasUpdate: true }));
    await Promise.all(objects.map((queue) => queue.waitUntilReady()));

    progress('both ways have to agree');
    const disagreements = await countDisagreements(refs, objects, reader);
    await control.config('SET', 'slowlog-max-len', '100000');
    await control.config('SET', 'slowlog-log-slower-than', String(SLOW_FROM_US));
    const ours: Pass[] = [];
    const everything: Pass[] = [];
    const theirs: Pass[] = [];
    for (let attempt = -WARM_UP; attempt < tries; attempt++) {
      if (attempt === 0) await control.slowlog('RESET');
      progress(attempt < 0 ? 'warming up' : `pass ${attempt + 1} of ${tries}`);
      const turn = attempt + WARM_UP;
      const fields = (index: number): BacklogFields => ({
        heads: false,
        rare: (index + turn) % LOOKS_PER_RARE === 0,
        orphans: (index + turn) % LOOKS_PER_ORPHANS === 0,
      });
      ours.push(await measure(control, async () => void (await sampleBacklogs(reader, refs, { fields }))));
      everything.push(await measure(control, async () => void (await sampleBacklogs(reader, refs))));
      theirs.push(await measure(control, () => getAllJobCounts(objects)));
    }
    for (const passes of [ours, everything, theirs]) passes.splice(0, WARM_UP);
    const [our, their] = [median(ours), median(theirs)];
    return {
      queues,
      jobs: created,
      wallMs: tenths(our.wallMs),
      cpuRatioToGetJobCounts: hundredths(cpuMs(our) / cpuMs(their)),
      wallRatioToGetJobCounts: hundredths(our.wallMs / their.wallMs),
      cpuRatioWithEverything: hundredths(cpuMs(median(everything)) / cpuMs(their)),
      slowestScriptMs: await slowestReadScriptMs(control),
      redisCpuMs: our.redisCpuMs,
      clientCpuMs: our.clientCpuMs,
      getJobCounts: their,
      disagreements,
      rows: [
        ...ours.map((pass, attempt) => ({ way: 'sampleBacklogs', attempt, ...pass })),
        ...everything.map((pass, attempt) => ({ way: 'everything', attempt, ...pass })),
        ...theirs.map((pass, attempt) => ({ way: 'getJobCounts', attempt, ...pass })),
      ],
    };
  } finally {
    for (const redis of [control, reader, shared]) redis.disconnect();
  }
}

/** @returns the jobs that were created. */
async function seed(redis: Redis, queues: number, jobsAQueue: number): Promise<number> {
  const counts = Object.values(STATES).map((share) => Math.max(1, Math.round((share * jobsAQueue) / 100)));
  const pages = Array.from({ length: Math.ceil(queues / QUEUES_PER_SEED) }, (_, page) => page * QUEUES_PER_SEED);
  for (let at = 0; at < pages.length; at += 10) {
    await Promise.all(
      pages
        .slice(at, at + 10)
        .map((from) =>
          redis.eval(SEED, 0, from, Math.min(queues, from + QUEUES_PER_SEED) - 1, Date.now() - 60_000, ...counts),
        ),
    );
  }
  return queues * counts.reduce((sum, count) => sum + count, 0);
}

async function countDisagreements(refs: readonly QueueRef[], objects: readonly Queue[], redis: Redis): Promise<number> {
  const samples = await sampleQueues(redis, refs);
  let disagreements = 0;
  for (let at = 0; at < objects.length; at += CALLS_TOGETHER) {
    const counted = await Promise.all(objects.slice(at, at + CALLS_TOGETHER).map((queue) => queue.getJobCounts()));
    counted.forEach((counts, index) => {
      const { waiting, prioritized, active, delayed, completed, failed, waitingChildren } = samples[at + index]!;
      const same =
        counts['waiting'] === waiting &&
        counts['prioritized'] === prioritized &&
        counts['active'] === active &&
        counts['delayed'] === delayed &&
        counts['completed'] === completed &&
        counts['failed'] === failed &&
        counts['waiting-children'] === waitingChildren;
      if (!same) disagreements++;
    });
  }
  return disagreements;
}

/** The usual way to ask for many queues: one shared connection, some hundred calls under way together. */
async function getAllJobCounts(objects: readonly Queue[]): Promise<void> {
  for (let at = 0; at < objects.length; at += CALLS_TOGETHER) {
    await Promise.all(objects.slice(at, at + CALLS_TOGETHER).map((queue) => queue.getJobCounts()));
  }
}

async function measure(control: Redis, pass: () => Promise<void>): Promise<Pass> {
  const redisBefore = await redisProcessorMs(control);
  const clientBefore = process.cpuUsage();
  const startMs = performance.now();
  await pass();
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(clientBefore);
  return {
    wallMs: tenths(wallMs),
    redisCpuMs: tenths((await redisProcessorMs(control)) - redisBefore),
    clientCpuMs: tenths((user + system) / 1_000),
  };
}

async function redisProcessorMs(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const seconds = (field: string): number => Number(new RegExp(`${field}:([\\d.]+)`).exec(info)?.[1]);
  return (seconds('used_cpu_sys') + seconds('used_cpu_user')) * 1_000;
}

/**
 * Of the scripts that only read, which are ours; BullMQ's run by EVALSHA. 0: none took as long as the log's threshold.
 */
async function slowestReadScriptMs(redis: Redis): Promise<number> {
  const entries = (await redis.slowlog('GET', 100_000)) as [id: number, at: number, us: number, words: string[]][];
  const ours = entries.filter(([, , , [command]]) => /^eval(sha)?_ro$/i.test(command ?? ''));
  return hundredths(Math.max(0, ...ours.map(([, , us]) => us)) / 1_000);
}

function median(passes: readonly Pass[]): Pass {
  const middle = (of: (pass: Pass) => number): number => percentile(passes.map(of), 0.5);
  return {
    wallMs: middle((pass) => pass.wallMs),
    redisCpuMs: middle((pass) => pass.redisCpuMs),
    clientCpuMs: middle((pass) => pass.clientCpuMs),
  };
}

function cpuMs({ redisCpuMs, clientCpuMs }: Pass): number {
  return redisCpuMs + clientCpuMs;
}
