// A worker pod for the integration tests, started as a process of its own so that it can be signalled and killed.
import { setTimeout as sleep } from 'node:timers/promises';
import { connectRedis, handle, runWorkers, type Handler, type StandardSchema } from '@redis-queue/worker';
import type { LockTimes } from '../queues/lock-times.ts';
import type { UsageTimes } from '../usage/report.ts';
import type { Work } from './testbed.ts';

const ledger = connectRedis();
/** By each job that runs, the most that ran at once meanwhile. */
const running = new Map<string, number>();

const work: Handler<Work> = async (job, { signal }) => {
  const { blockMs, burnMs, runMs, ignoreSignal, failTimes = 0, killTimes = 0 } = job.data;
  const key = `${job.queueName}:${job.id}`;
  const started = await ledger.hincrby('started', key, 1);
  running.set(key, 0);
  for (const [each, most] of running) running.set(each, Math.max(most, running.size));
  await ledger.zadd('running-at-once', 'GT', running.size, process.env.RQ_POD_NAME!);
  await ledger.rpush('starts', key);
  try {
    if (started <= killTimes) process.kill(process.pid, 'SIGKILL');
    if (blockMs) block(blockMs);
    if (burnMs) burn(burnMs);
    await sleep(runMs, undefined, ignoreSignal ? {} : { signal });
    if (started <= failTimes) throw new Error(`planned failure ${started}`);
    await ledger.hset('beside', key, running.get(key) ?? 0);
    await ledger.hincrby('finished', key, 1);
    return job.id;
  } finally {
    running.delete(key);
  }
};

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function burn(ms: number): void {
  const before = process.cpuUsage();
  for (let usedMs = 0; usedMs < ms;) {
    const { user, system } = process.cpuUsage(before);
    usedMs = (user + system) / 1_000;
  }
}

const hasRunTime: StandardSchema<Work> = {
  '~standard': {
    validate: (value) =>
      Number.isInteger((value as Partial<Work>).runMs)
        ? { value: value as Work }
        : { issues: [{ message: 'expected a whole number', path: ['runMs'] }] },
  },
};

const { TEST_LOCKS, TEST_OPTIONS, TEST_USAGE_TIMES } = process.env;
await runWorkers({
  handlers: { a: handle(hasRunTime, work), b: work, c: work },
  ...(TEST_USAGE_TIMES === 'off' && { reportUsage: false }),
  ...(TEST_USAGE_TIMES?.startsWith('{') && { usageTimes: JSON.parse(TEST_USAGE_TIMES) as UsageTimes }),
  ...(TEST_OPTIONS && (JSON.parse(TEST_OPTIONS) as object)),
  ...(TEST_LOCKS && { locks: JSON.parse(TEST_LOCKS) as LockTimes }),
});
