import { effectiveRateLimit } from '@redis-queue/bullmq';
import { eventually } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { Queue, Worker, type WorkerOptions } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runController, testCluster, type StoredQueue, type TestCluster } from '../testing/cluster.ts';

// What a Queue's rate limit guarantees, with BullMQ's own workers.

let t: TestCluster;
let controller: RunningController;
beforeAll(async () => {
  t = await testCluster();
  controller = await runController(t);
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

const WORKERS = 4;

/** Workers of a queue, greedy ones, and jobs for them. */
function fleet(name: string, options: Partial<WorkerOptions> = {}) {
  const connection = { host: t.server.host, port: t.server.port };
  const queue = new Queue(name, { connection });
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker(name, () => Promise.resolve(), { connection, concurrency: 25, ...options }),
  );
  return {
    add: (count: number) => queue.addBulk(Array.from({ length: count }, () => ({ name: 'job', data: {} }))),
    /** When jobs were started, by Redis' clock, ms since 1970: the script that starts one writes the event. */
    starts: async (): Promise<number[]> => {
      const events = await t.redis.xrange(`bull:${name}:events`, '-', '+');
      return events.filter(([, [, event]]) => event === 'active').map(([id]) => Number(id.split('-')[0]));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...workers, queue].map((each) => each.close()));
    },
  };
}

async function limitedQueue(
  name: string,
  rateLimits: { maxJobsPerSecond: number; burstCapacity?: number },
): Promise<StoredQueue> {
  return await t.settled(await t.queue(await t.namespace(), name, { rateLimits }), 'Applied');
}

/** The most jobs by which a time between two starts exceeds its allowance; 0 or less: none does. */
function excess(starts: readonly number[], rate: number, max: number): number {
  let worst = -Infinity;
  for (let first = 0; first < starts.length; first++) {
    for (let last = first; last < starts.length; last++) {
      const allowed = (rate * (starts[last]! - starts[first]!)) / 1_000 + 2 * max;
      worst = Math.max(worst, last - first + 1 - allowed);
    }
  }
  return worst;
}

it.concurrent.each([
  ['a burst that is a window of two seconds', { maxJobsPerSecond: 60, burstCapacity: 120 }, 360],
  ['no burst', { maxJobsPerSecond: 100 }, 350],
  ['a burst of a fifth of a second', { maxJobsPerSecond: 200, burstCapacity: 40 }, 800],
])(
  'greedy workers start at most max jobs per window, and rate · T + 2 · max in any time T, with %s',
  async (_, limit, jobs) => {
    const name = `greedy-${limit.maxJobsPerSecond}`;
    const { max, durationMs } = effectiveRateLimit(limit);
    const queue = await limitedQueue(name, limit);
    expect(queue.status?.effective?.rateLimit).toEqual({ max, durationMs });
    await using workers = fleet(name);
    await workers.add(jobs);
    const perWindow: number[] = [];
    const starts = await eventually(
      async () => {
        // The counter that each start raises, and that goes with its window.
        perWindow.push(Number(await t.redis.get(`bull:${name}:limiter`)));
        const all = await workers.starts();
        return all.length === jobs && all;
      },
      { description: `${jobs} jobs to be started`, intervalMs: 10 },
    );
    // A busy machine may not get as far as the limit; workers without one would start all jobs within a window.
    expect(Math.max(...perWindow)).toBeGreaterThan(0);
    expect(Math.max(...perWindow)).toBeLessThanOrEqual(max);
    expect(excess(starts, limit.maxJobsPerSecond, max)).toBeLessThanOrEqual(0);
    await t.redis.hset(`bull:${name}:meta`, { max: '100000', duration: '1' });
    await eventually(async () => (await t.meta(name))['max'] === String(max), {
      description: 'the limit to be set back',
    });
    expect(await t.meta(name)).toMatchObject({ max: String(max), duration: String(durationMs) });
  },
);

it.concurrent('workers with a limiter of their own, which breaks the limit, are reported on the Queue', async () => {
  const queue = await limitedQueue('overridden', { maxJobsPerSecond: 4, burstCapacity: 8 });
  await using workers = fleet('overridden', { limiter: { max: 1, duration: 500 } });
  await workers.add(3_000);
  const said = await t.settled(queue, 'RateLimitOverridden', 'WorkerLimiter');
  expect(said.status?.conditions?.find(({ type }) => type === 'WorkerLimiter')?.message).toMatch(
    /limiter .*the window of 2000 ms of the rate limit shorter/,
  );
  await t.settled(queue, 'RateLimitOverridden', 'Degraded');
  await eventually(async () => excess((await workers.starts()).slice(0, 100), 4, 8) > 0);
});
