import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { eventually, startRedis } from '@redis-queue/rig';
import { startMixedLoad } from './mixed-load.ts';
import { seededRandom } from '@redis-queue/simulator';

it('adds jobs of mixed length at about the rate, remembers each, and none after it was stopped', async () => {
  await using server = await startRedis();
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  const queue = new Queue('mixed', { connection: redis });
  const load = startMixedLoad(queue, {
    name: 'mixed',
    run: 'run',
    jobsPerSecond: 200,
    durationMs: [50, 30_000],
    random: seededRandom(1),
  });
  await eventually(() => load.added.size >= 100, { timeoutMs: 30_000 });
  await load.stop();
  const jobs = await queue.getWaiting(0, -1);
  expect(new Set(jobs.map(({ id }) => id))).toEqual(load.added);
  const lengths = jobs.map(({ data }) => (data as { sendMs: number }).sendMs);
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(50);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(30_000);
  // Log-uniform: half of them below the geometric mean, 1.2 s.
  const short = lengths.filter((ms) => ms < 1_225).length / lengths.length;
  expect(short).toBeGreaterThan(0.3);
  expect(short).toBeLessThan(0.7);
  redis.disconnect();
});
