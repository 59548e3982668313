import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleFinished, sampleFinishedOf, type FinishedWatermark } from './finished.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const START: FinishedWatermark = { completed: { ms: 0, ids: [] }, failed: { ms: 0, ids: [] } };

/** Puts a finished job as BullMQ leaves it. */
async function finish(
  queue: string,
  id: string,
  finishedOn: number,
  fields: Record<string, string | number> = {},
): Promise<void> {
  const job = { timestamp: finishedOn - 300, processedOn: finishedOn - 100, finishedOn, ats: 1, opts: '{}', ...fields };
  await t.redis.hset(`bull:${queue}:${id}`, job);
  await t.redis.zadd(`bull:${queue}:completed`, finishedOn, id);
}

test('waits, service times and failures of what real workers finished', async () => {
  const ref = { prefix: 'bull', name: 'real' };
  const queue = t.producer(ref);
  const delayed = { delay: 200 };
  await queue.addBulk([
    { name: 'ok', data: {} },
    { name: 'bad', data: {} },
    { name: 'ok', data: {}, opts: delayed },
  ]);
  t.worker(ref, async (job) => {
    if (job.name === 'bad') throw new Error('no');
  });
  const sample = await eventually(async () => {
    const found = await sampleFinished(t.redis, ref);
    return found.completed === 2 && found.failed === 1 ? found : undefined;
  });
  expect(sample.waitsMs).toHaveLength(3);
  expect(sample.serviceMs).toHaveLength(3);
  expect(Math.max(...sample.waitsMs)).toBeLessThan(5_000);
  const again = await sampleFinished(t.redis, ref, sample.watermark);
  expect(again).toMatchObject({ completed: 0, failed: 0, waitsMs: [], serviceMs: [], watermark: sample.watermark });
});

test('jobs that finish in the same millisecond count once each, whether seen before or not', async () => {
  const ref = { prefix: 'bull', name: 'ties' };
  await finish('ties', 'b', 5_000);
  const first = await sampleFinished(t.redis, ref, START);
  expect(first).toMatchObject({ completed: 1, watermark: { completed: { ms: 5_000, ids: ['b'] } } });
  await finish('ties', 'a', 5_000);
  await finish('ties', 'c', 5_000);
  const second = await sampleFinished(t.redis, ref, first.watermark);
  expect(second).toMatchObject({ completed: 2, watermark: { completed: { ms: 5_000, ids: ['a', 'b', 'c'] } } });
  expect(second.waitsMs).toEqual([200, 200]);
  await t.redis.zrem('bull:ties:completed', 'b');
  await finish('ties', 'd', 5_000);
  await finish('ties', 'e', 5_001);
  const third = await sampleFinished(t.redis, ref, second.watermark);
  expect(third).toMatchObject({ completed: 2, watermark: { completed: { ms: 5_001, ids: ['e'] } } });
});

/** Ids that are remembered of the last milliseconds. */
const idsIn = (samples: readonly { watermark: FinishedWatermark }[]): number =>
  samples.reduce((sum, { watermark: { completed, failed } }) => sum + completed.ids.length + failed.ids.length, 0);

test('of one millisecond a queue alone has all its jobs remembered; fifty together no more than a call may read', async () => {
  const fill = async (queue: string, jobs: number): Promise<void> => {
    const ids = Array.from({ length: jobs }, (_, n) => `j${n}`);
    for (const set of ['completed', 'failed'])
      await t.redis.zadd(`bull:${queue}:${set}`, ...ids.flatMap((id) => [5_000, id]));
  };
  await fill('alone', 300);
  const ref = { prefix: 'bull', name: 'alone' };
  const { watermark } = await sampleFinished(t.redis, ref, START);
  expect(await sampleFinished(t.redis, ref, watermark)).toMatchObject({ completed: 0, failed: 0, watermark });
  const queues = Array.from({ length: 50 }, (_, n) => ({ prefix: 'bull', name: `tied-${n}` }));
  for (const { name } of queues) await fill(name, 1_000);
  const first = await sampleFinishedOf(
    t.redis,
    queues.map((queue) => ({ queue, watermark: START })),
  );
  expect(idsIn(first)).toBe(4_000);
  const again = queues.map((queue, n) => ({ queue, watermark: first[n]!.watermark }));
  expect(idsIn(await sampleFinishedOf(t.redis, again))).toBe(4_000);
});

test('every count adds up to the jobs that finished, over random ticks with many ties', async () => {
  const ref = { prefix: 'bull', name: 'sum' };
  let watermark = START;
  let counted = 0;
  for (let tick = 0; tick < 20; tick++) {
    for (let job = 0; job < 10; job++)
      await finish('sum', `${(tick * 7 + job * 13) % 200}-${tick}`, 1_000 + tick + Math.floor(job / 5));
    const sample = await sampleFinished(t.redis, ref, watermark);
    counted += sample.completed;
    watermark = sample.watermark;
  }
  expect(counted).toBe(200);
});

test('a retry has a service time and no wait, a delay is no wait, and a clock that lies gives no negative wait', async () => {
  const ref = { prefix: 'bull', name: 'waits' };
  await finish('waits', 'retry', 10_000, { ats: 2 });
  await finish('waits', 'delayed', 10_001, { timestamp: 5_000, opts: '{"delay":4000}' });
  await finish('waits', 'skewed', 10_002, { timestamp: 20_000 });
  const sample = await sampleFinished(t.redis, ref, START);
  expect(sample.waitsMs).toEqual([0, 901]);
  expect(sample.serviceMs).toEqual([100, 100, 100]);
});

test('at most the limit is read, the newest, while all are counted', async () => {
  const ref = { prefix: 'bull', name: 'burst' };
  for (let job = 0; job < 500; job++) await finish('burst', `j${job}`, 1_000 + job, { processedOn: 1_000 });
  const sample = await sampleFinished(t.redis, ref, START, 200);
  expect(sample.completed).toBe(500);
  expect(sample.serviceMs).toHaveLength(100);
  expect(sample.serviceMs[0]).toBe(499);
});

test('what nobody finished is no data: no waits, and the first sample goes back one minute', async () => {
  await finish('old', 'x', Date.now() - 3_600_000);
  expect(await sampleFinished(t.redis, { prefix: 'bull', name: 'old' })).toMatchObject({
    completed: 0,
    waitsMs: [],
    serviceMs: [],
  });
});

test('many queues are read in few calls, each from its own watermark, and share what a call may read', async () => {
  const queues = Array.from({ length: 60 }, (_, n) => ({ prefix: 'bull', name: `batch-${n}` }));
  for (const { name } of queues) for (let job = 0; job < 30; job++) await finish(name, `j${job}`, 1_000 + job);
  await t.redis.config('RESETSTAT');
  const samples = await sampleFinishedOf(
    t.redis,
    queues.map((queue, n) => ({ queue, watermark: { ...START, completed: { ms: 1_000 + (n % 10), ids: [] } } })),
  );
  expect(await t.redis.info('commandstats')).toMatch(/cmdstat_evalsha_ro:calls=2,/);
  expect(samples.map(({ completed }) => completed)).toEqual(queues.map((_, n) => 30 - (n % 10)));
  const read = samples.map(({ serviceMs }) => serviceMs.length);
  expect(read.slice(0, 50).reduce((sum, jobs) => sum + jobs, 0)).toBeLessThanOrEqual(550);
  expect(Math.min(...read)).toBeGreaterThanOrEqual(5);
  expect(await sampleFinishedOf(t.redis, [])).toEqual([]);
});
