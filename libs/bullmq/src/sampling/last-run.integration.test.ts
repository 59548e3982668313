import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLastRun } from './last-run.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const REF = { prefix: 'bull', name: 'runs' };
const lastRun = (): Promise<string | undefined> => readLastRun(t.redis, REF);

test('a run is seen that changes no count, a removal is none, and a flood of those hides it', async () => {
  expect(await lastRun()).toBeUndefined();
  const queue = t.producer(REF);
  let isBroken = true;
  t.worker(REF, () => (isBroken ? Promise.reject(new Error('no')) : Promise.resolve()));
  const job = await queue.add('j', {}, { removeOnComplete: true });
  await eventually(async () => (await queue.getFailedCount()) === 1);
  const failed = await lastRun();
  expect(failed).toMatch(/^\d+-\d+$/);
  isBroken = false;
  const added = await t.redis.get('bull:runs:id');
  await job.retry();
  await eventually(async () => (await t.redis.exists(`bull:runs:${job.id}`)) === 0);
  const ran = await eventually(async () => {
    const found = await lastRun();
    return found !== failed && (await lastRun()) === found ? found : false;
  });
  expect(await t.redis.get('bull:runs:id')).toBe(added);
  const removals = async (count: number): Promise<void> => {
    const pipeline = t.redis.pipeline();
    for (let n = 0; n < count; n++) pipeline.xadd('bull:runs:events', '*', 'event', 'removed', 'jobId', `x${n}`);
    await pipeline.exec();
  };
  await removals(50);
  expect(await lastRun()).toBe(ran);
  await removals(60);
  expect(await lastRun()).toBeUndefined();
});
