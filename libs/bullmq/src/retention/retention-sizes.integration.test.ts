import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanFinished, sampleSizes } from './retention.ts';
import { completed, keysOf, manyCompleted, ours, runAll } from '../testing/test-retention.ts';
import { estimateSize, type SizeEstimate } from './size-estimate.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

describe('the size of a queue', () => {
  test('is estimated without bias from 64 jobs of 2,000, and by how much it is off', async () => {
    const { ref, queue } = await ours(t, 'sizes');
    const jobs = Array.from({ length: 2_000 }, (_, index) => ({
      name: 'j',
      data: { text: 'x'.repeat((index * 7_919) % 4_000) },
    }));
    await queue.addBulk(jobs);
    await runAll(t, ref, 2_000);
    await queue.addBulk(jobs.slice(0, 30));
    let truth = 0;
    for (const key of await keysOf(t, 'sizes')) truth += (await t.redis.memory('USAGE', key, 'SAMPLES', 0)) ?? 0;
    const estimates: SizeEstimate[] = [];
    for (let n = 0; n < 30; n++) estimates.push(estimateSize(await sampleSizes(t.redis, ref)));
    const mean = (of: (estimate: SizeEstimate) => number): number =>
      estimates.reduce((sum, each) => sum + of(each), 0) / estimates.length;
    // Of 30 estimates, each off by 5 %, the mean is off by 1 %.
    expect(mean(({ bytes }) => bytes) / truth).toBeGreaterThan(0.95);
    expect(mean(({ bytes }) => bytes) / truth).toBeLessThan(1.05);
    const deviation = Math.sqrt(mean(({ bytes }) => (bytes - truth) ** 2));
    expect(deviation / mean(({ standardError }) => standardError)).toBeLessThan(2);
    expect(deviation / mean(({ standardError }) => standardError)).toBeGreaterThan(0.5);
    expect(mean(({ completedBytes, bytes }) => completedBytes / bytes)).toBeGreaterThan(0.8);
  });

  test('freed bytes are those that Redis says it used for the jobs', async () => {
    const { ref } = await ours(t, 'freed');
    await manyCompleted(t, ref, 100, 'x'.repeat(1_000));
    const before = estimateSize(await sampleSizes(t.redis, ref)).completedBytes;
    const { removed, freedBytes, cursor } = await cleanFinished(t.redis, ref, { ...completed, bytes: 30_000 });
    expect(cursor).toBeDefined();
    expect(freedBytes).toBeGreaterThanOrEqual(30_000);
    expect(freedBytes).toBeLessThan(33_000);
    // The oldest went: those with the highest numbers.
    expect(await t.redis.exists('bull:freed:100', `bull:freed:${101 - removed}`)).toBe(0);
    expect(await t.redis.exists(`bull:freed:${100 - removed}`)).toBe(1);
    expect((before - estimateSize(await sampleSizes(t.redis, ref)).completedBytes) / freedBytes).toBeCloseTo(1, 1);
  });
});
