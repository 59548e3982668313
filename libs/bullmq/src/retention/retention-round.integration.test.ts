import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { retentionRound, type LimitedQueue, type RetentionResult } from './retention-round.ts';
import { sampleSizes } from './retention.ts';
import type { RetentionLimits } from './limits.ts';
import { estimateSize } from './size-estimate.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

/** A queue of ours with finished jobs as BullMQ leaves them, the newest a second more than `ageMs` old. */
async function limited(
  name: string,
  limits: Partial<RetentionLimits>,
  { completed = 0, failed = 0, ageMs = 3_600_000, bytes = 100 } = {},
): Promise<LimitedQueue> {
  const script = `
    local id = 0
    for _, state in ipairs({ 'completed', 'failed' }) do
      for i = 1, ARGV[state == 'completed' and 1 or 2] do
        id = id + 1
        local finishedOn = ARGV[3] - 1000 - i
        redis.call('HSET', KEYS[1] .. id, 'name', 'j', 'data', ARGV[4], 'opts', '{}', 'timestamp', 1, 'finishedOn', finishedOn)
        redis.call('ZADD', KEYS[1] .. state, finishedOn, id)
      end
    end
    redis.call('SET', KEYS[1] .. 'id', id)
    redis.call('HSET', KEYS[1] .. 'meta', ARGV[5], 'A', 'opts.maxLenEvents', 10000)`;
  const finishedOn = Date.now() - ageMs;
  await t.redis.eval(script, 1, `bull:${name}:`, completed, failed, finishedOn, 'x'.repeat(bytes), OWNER_FIELD);
  return { queue: { prefix: 'bull', name }, mark: 'A', limits: { leavesDeadLetters: false, ...limits } };
}

/** A round that does not wait; each rest is what it would have waited. */
async function round(
  queues: readonly LimitedQueue[],
  { roundMs = 60_000, random = 0, signal = new AbortController().signal, onStep = () => {} } = {},
): Promise<{ results: RetentionResult[]; rests: number[] }> {
  const rests: number[] = [];
  const results = await retentionRound(queues, {
    call: (run) => run(t.redis),
    now: () => performance.now(),
    sleep: (ms) => {
      rests.push(ms);
      onStep();
      return Promise.resolve();
    },
    random: () => random,
    roundMs,
    signal,
  });
  return { results, rests };
}

const count = async ({ name }: QueueRef, state = 'completed'): Promise<number> =>
  t.redis.zcard(`bull:${name}:${state}`);

// Wall 1: who has much to remove does not make others wait. Wall 3: what fails for one queue is its result.
test('every queue of a Redis gets its turn after each step of another, and its result', async () => {
  const large = await limited('large', { completedMs: 60_000 }, { completed: 1_500 });
  const small = await limited('small', { completedMs: 60_000, failedMs: 60_000 }, { completed: 100, failed: 70 });
  const young = await limited('young', { completedMs: 7_200_000 }, { completed: 10 });
  const other = { ...(await limited('other', { completedMs: 60_000 }, { completed: 10 })), mark: 'B' };
  await t.redis.set('bull:wrong:failed', 'text');
  const wrong = { ...young, queue: { prefix: 'bull', name: 'wrong' } };
  const stop = new AbortController();
  let steps = 0;
  // Two steps of each that has so much to do.
  const first = await round([large, small, young, other, wrong], {
    signal: stop.signal,
    onStep: () => {
      steps += 1;
      if (steps === 5) stop.abort();
    },
  });
  expect(first.results).toMatchObject([
    { removed: 300, unfinished: true },
    { removed: 170, unfinished: false },
    { removed: 0, unfinished: false },
    { removed: 0, ownershipLost: true },
    { error: { message: expect.stringContaining('WRONGTYPE') } },
  ]);
  expect(await Promise.all([large, small, young, other].map(({ queue }) => count(queue)))).toEqual([1_200, 0, 10, 10]);
  // Another one goes on where it ended.
  const second = await round([large, small, young]);
  expect(second.results).toMatchObject([{ removed: 1_200, unfinished: false }, { removed: 0 }, { removed: 0 }]);
  expect(second.rests).toHaveLength(9);
  const third = await round([large, small, young]);
  expect(third.rests).toEqual([]);
});

test('a round that ends early begins with another queue each time', async () => {
  const queues = [
    await limited('first', { completedMs: 60_000 }, { completed: 200 }),
    await limited('second', { completedMs: 60_000 }, { completed: 200 }),
  ];
  const stop = new AbortController();
  await round(queues, { random: 0.5, signal: stop.signal, onStep: () => stop.abort() });
  expect(await Promise.all(queues.map(({ queue }) => count(queue)))).toEqual([200, 50]);
});

test('steps and their rests take a few percent of the time of Redis', async () => {
  const calm = await limited('calm', { completedMs: 60_000 }, { completed: 2_000, ageMs: 60_000 });
  const started = performance.now();
  const before = await scriptMs();
  await retentionRound([calm], {
    call: (run) => run(t.redis),
    now: () => performance.now(),
    sleep: (ms) => sleep(ms),
    random: () => 0,
    roundMs: 60_000,
    signal: new AbortController().signal,
  });
  expect(await count(calm.queue)).toBe(0);
  const share = ((await scriptMs()) - before) / (performance.now() - started);
  expect(share).toBeLessThan(0.2); // 0.02 on a machine at rest
});

/** Time of scripts that write since Redis began. */
async function scriptMs(): Promise<number> {
  const info = await t.redis.info('commandstats');
  return Number(/cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(info)?.[1] ?? 0) / 1_000;
}

test('over its bytes, a queue loses its oldest completed jobs, then failed ones, and never one that waits', async () => {
  const bytes = 2_000;
  const queue = await limited('budget', { maxBytes: 1_000_000 }, { completed: 400, failed: 400, bytes });
  const producer = t.producer(queue.queue);
  await producer.addBulk(Array.from({ length: 100 }, () => ({ name: 'j', data: 'x'.repeat(bytes) })));
  const { results } = await round([queue]);
  expect(results).toMatchObject([{ unfinished: false, size: { standardError: expect.any(Number) } }]);
  expect(results[0]).not.toHaveProperty('overBytes');
  expect(await count(queue.queue)).toBe(0);
  const failed = await count(queue.queue, 'failed');
  expect(failed).toBeGreaterThan(200);
  expect(failed).toBeLessThan(400);
  // The oldest went.
  expect(await t.redis.zscore('bull:budget:failed', '800')).toBeNull();
  expect(await t.redis.zscore('bull:budget:failed', '401')).not.toBeNull();
  const size = estimateSize(await sampleSizes(t.redis, queue.queue));
  expect(size.bytes).toBeGreaterThan(900_000);
  expect(size.bytes).toBeLessThan(1_020_000);

  const full = { ...queue, limits: { leavesDeadLetters: true, maxBytes: 100_000 } };
  const second = await round([full]);
  expect(second.results[0]!.overBytes).toBeGreaterThan(size.bytes - 110_000);
  expect(await count(queue.queue, 'failed')).toBe(failed);
  const third = await round([{ ...queue, limits: { leavesDeadLetters: false, maxBytes: 100_000 } }]);
  expect(await count(queue.queue, 'failed')).toBe(0);
  // What waits is more than that.
  expect(third.results[0]!.overBytes).toBeGreaterThan(100_000);
  expect(await producer.getWaitingCount()).toBe(100);
});

test('events are trimmed until the stream is short', async () => {
  const queue = await limited('events', { maxEvents: 100 });
  await t.redis.eval(
    "for i = 1, 50000 do redis.call('XADD', KEYS[1], '*', 'event', 'added', 'jobId', i) end",
    1,
    'bull:events:events',
  );
  const { results } = await round([queue]);
  expect(results).toMatchObject([{ unfinished: false }]);
  expect(results[0]!.eventsRemoved).toBeGreaterThan(49_700);
  expect(await t.redis.xlen('bull:events:events')).toBeLessThan(200);
  expect((await round([queue])).rests).toEqual([]);
});

test('events that carry much go by fewer per step, so that none frees much more than 16 MB', async () => {
  const queue = await limited('heavy-events', { maxEvents: 100 });
  const add = "for i = 1, 1000 do redis.call('XADD', KEYS[1], '*', 'event', 'completed', 'returnvalue', ARGV[1]) end";
  await t.redis.eval(add, 1, 'bull:heavy-events:events', 'x'.repeat(100_000));
  const { results, rests } = await round([queue]);
  expect(results[0]!.eventsRemoved).toBeGreaterThanOrEqual(800);
  expect(rests.length).toBeGreaterThanOrEqual(5);
});

test('many failed jobs that are left to the dead letters do not keep rounds busy', async () => {
  const queue = await limited('left', { failedMs: 60_000, leavesDeadLetters: true }, { failed: 11_000, bytes: 1 });
  const { results, rests } = await round([queue]);
  expect(results).toMatchObject([{ removed: 0, left: 9_000, lateMs: 0, unfinished: false }]);
  expect(rests).toHaveLength(60);
});

/** Makes the oldest 9,050 of 9,200 failed jobs children of a parent that waits for their retry, so that they stay. */
async function waitForParent(name: string): Promise<void> {
  await t.redis.eval(
    `redis.call('HSET', KEYS[1] .. 'parent', 'timestamp', 1)
    for i = 151, 9200 do redis.call('HSET', KEYS[1] .. i, 'parentKey', KEYS[1] .. 'parent') end`,
    1,
    `bull:${name}:`,
  );
}

// Wall 8: what has to stay does not silently keep what is behind it from being removed.
test('a round goes on behind the jobs that the one before left in place, and begins anew after the newest', async () => {
  const queue = await limited('behind', { failedMs: 60_000 }, { failed: 9_200, bytes: 1 });
  await waitForParent('behind');
  const first = (await round([queue])).results[0]!;
  expect(first).toMatchObject({ removed: 0, left: 9_000 });
  const second = (await round([{ ...queue, cursors: first.cursors }])).results[0]!;
  expect(second).toMatchObject({ removed: 150, left: 50 });
  expect(second).not.toHaveProperty('cursors');
  // A round that ends early is gone on with as well.
  const stop = new AbortController();
  const cut = (await round([queue], { signal: stop.signal, onStep: () => stop.abort() })).results[0]!;
  expect(cut).toMatchObject({ left: 150, unfinished: true });
  await t.redis.hset('bull:behind:parent', 'finishedOn', 1);
  expect((await round([{ ...queue, cursors: cut.cursors }])).results).toMatchObject([{ removed: 8_900 }]);
  expect((await round([queue])).results).toMatchObject([{ removed: 150, unfinished: false }]);
});

test('a queue is over its bytes only once a pass has come to its end', async () => {
  const queue = await limited('resting', { maxBytes: 2_000_000 }, { failed: 9_200, bytes: 1 });
  await waitForParent('resting');
  const first = (await round([queue])).results[0]!;
  expect(first).toMatchObject({ removed: 0, left: 9_000, rests: true });
  expect(first).not.toHaveProperty('overBytes');
  const second = (await round([{ ...queue, cursors: first.cursors }])).results[0]!;
  expect(second).toMatchObject({ removed: 150, left: 50, overBytes: expect.any(Number) as number });
  expect(second).not.toHaveProperty('rests');
});
