import { Redis } from 'ioredis';
import {
  compileFilter,
  countLostLetters,
  deadLetterQueue,
  queueKey,
  redriveStep,
  removeExpiredLetters,
  settleFailedJobs,
  type CompiledFilter,
  type QueueRef,
  type RedisCall,
} from '@redis-queue/bullmq';
import { startRedis } from '@redis-queue/rig';
import { hundredths, percentile } from '../measuring/percentile.ts';
import { readRedisCpu } from '../measuring/redis-cpu.ts';

export interface ScriptCost {
  readonly script: string;
  readonly medianMs: number;
  readonly slowestMs: number;
}

const JOBS = 100;
/** Just as many as a page of 100 jobs may have. */
const TRACES = 2;
/** More than a dead letter keeps. */
const LONG_TRACES = 60;
const TRIES = 9;
const FENCE = { queueMark: '', deadLetterMark: '', untilMs: Number.MAX_SAFE_INTEGER };

/**
 * What the call of each script takes of Redis' processor, for as much as a call may have: 100 jobs with as many stack
 * traces as a page takes, with more data than it takes, a priority, a deduplication id and logs. The processor's time,
 * as by the clock a busy machine would be in it.
 */
export async function measureScripts(): Promise<ScriptCost[]> {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  const times = new Map<string, number[]>();
  for (let attempt = 0; attempt < TRIES; attempt++)
    await measureOnce(redis, { prefix: 'bull', name: `q${attempt}` }, times);
  redis.disconnect();
  return [...times].map(([script, ms]) => ({
    script,
    medianMs: hundredths(percentile(ms, 0.5)),
    slowestMs: hundredths(Math.max(...ms)),
  }));
}

async function measureOnce(redis: Redis, queue: QueueRef, times: Map<string, number[]>): Promise<void> {
  const timed = async (names: readonly string[], use: (call: RedisCall) => Promise<unknown>): Promise<void> => {
    let at = 0;
    await use(async (call) => {
      const before = await readRedisCpu(redis);
      const done = await call(redis);
      const name = names[at++]!;
      times.set(name, [...(times.get(name) ?? []), (await readRedisCpu(redis)).cpuMs - before.cpuMs]);
      return done;
    });
  };
  const settle =
    (maxRetries: number, of = queue) =>
    (call: RedisCall) =>
      settleFailedJobs(call, of, { maxRetries, fence: FENCE, pages: 1, random: Math.random });
  await putFailed(redis, queue);
  await timed(['readFailed', 'settleFailed (retry)'], settle(9));
  await putFailed(redis, queue);
  await timed(['readFailed', 'settleFailed (move)'], settle(0));
  const long: QueueRef = { ...queue, name: `${queue.name}-long` };
  await putFailed(redis, long, LONG_TRACES);
  await timed(['readFailed (long stacks)', 'settleFailed (long stacks)'], settle(0, long));
  const filter = compileFilter({ data: { path: '$.pad', equals: 'no' } }) as CompiledFilter;
  await timed(['readDeadLetters (data)', 'redriveLetters (none)'], (call) =>
    redriveStep(call, queue, { name: 'none', filter, fence: FENCE }),
  );
  const all = compileFilter({}) as CompiledFilter;
  await timed(['readDeadLetters', 'redriveLetters'], (call) =>
    redriveStep(call, queue, { name: 'all', filter: all, fence: FENCE }),
  );
  await putFailed(redis, queue);
  await settleFailedJobs((call) => call(redis), queue, { maxRetries: 0, fence: FENCE, pages: 1, random: Math.random });
  await timed(['expireDeadLetters'], (call) =>
    removeExpiredLetters(call, queue, { keepMs: 1, fence: FENCE, calls: 1 }),
  );
  await countLostLetters((call) => call(redis), queue, FENCE);
  const events = redis.pipeline();
  for (let n = 0; n < 600; n++)
    events.xadd(queueKey(queue, 'events'), '*', 'event', 'failed', 'jobId', `${n}`, 'failedReason', 'r'.repeat(200));
  await events.exec();
  await timed(['countLostLetters'], (call) => countLostLetters(call, queue, FENCE));
  await redis.unlink(queueKey(queue, 'wait'), queueKey(queue, 'events'), queueKey(deadLetterQueue(queue), 'events'));
}

/** @param traces stack traces per job, of 1.2 kB each. */
async function putFailed(redis: Redis, queue: QueueRef, traces = TRACES): Promise<void> {
  const stack = `Error: no\n${'    at somewhere (/app/dist/file.js:1:1)\n'.repeat(30)}`;
  const stacktrace = JSON.stringify(Array(traces).fill(stack));
  const pad = 'x'.repeat(60_000);
  const pipeline = redis.pipeline();
  for (let n = 0; n < JOBS; n++) {
    const job = { name: 'job', data: JSON.stringify({ pad }), opts: '{"priority":5}', priority: 5, timestamp: 1 };
    const failure = { finishedOn: 1_000 + n, failedReason: 'no', atm: 1, ats: 1, stacktrace, deid: `d${n}` };
    pipeline.del(queueKey(queue, `j${n}`)).hset(queueKey(queue, `j${n}`), { ...job, ...failure });
    pipeline.zrem(queueKey(queue, 'prioritized'), `j${n}`).zadd(queueKey(queue, 'failed'), 1_000 + n, `j${n}`);
    pipeline.set(queueKey(queue, `de:d${n}`), `j${n}`).rpush(queueKey(queue, `j${n}:logs`), 'log');
  }
  await pipeline.exec();
}
