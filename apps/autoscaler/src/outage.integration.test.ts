import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '@redis-queue/rig';
import { WAKE_FOLLOW_UPS_MS } from './sampling/cadence.ts';
import { aPool } from './testing/objects.ts';
import { TestAutoscaler } from './testing/autoscaler.ts';

// Short outages; a minute each, with the workerpool controller: `make bench NAME=outage`.

let scaler: TestAutoscaler;
beforeEach(async () => {
  scaler = await TestAutoscaler.start();
});
afterEach(async () => scaler[Symbol.asyncDispose]());

const decided = (name: string) => eventually(() => scaler.of(name).at(-1), { description: `a decision on ${name}` });
const jobs = (count: number) => Array.from({ length: count }, () => ({ name: 'send', data: {} }));
const sampled = async (): Promise<number> => {
  const values = await scaler.metric('redis_queue_autoscaler_sample_duration_seconds');
  return values.find(({ metricName }) => metricName?.endsWith('_count'))?.value ?? 0;
};
const resume = (pid: number) => process.kill(pid, 'SIGCONT');

it('while Redis is suspended the size is held, and two ticks after it resumes the size is right', async () => {
  scaler.add(aPool('workers', ['emails']), 6);
  await scaler.run();
  await decided('workers');
  const emails = scaler.producer('emails');
  await emails.waitUntilReady();
  const { pid } = scaler.redis;
  process.kill(pid, 'SIGSTOP');
  try {
    await eventually(() => scaler.of('workers').find(({ heldBy }) => heldBy === 'SensorFailed'));
  } finally {
    resume(pid);
  }
  const backMs = performance.now();
  await emails.addBulk(jobs(600));
  const right = await eventually(() => scaler.of('workers').find(({ desiredReplicas }) => desiredReplicas >= 10));
  expect(right.arrivedAtMs - backMs).toBeLessThan(15_000); // two ticks, and more for a busy machine
  expect(scaler.of('workers').every(({ desiredReplicas }) => desiredReplicas >= 6)).toBe(true);
});

it('while the bus is suspended nothing changes, and soon after it resumes the newest size arrives', async () => {
  scaler.add(aPool('workers', ['emails']));
  await scaler.run();
  await decided('workers');
  const { pid } = scaler.bus;
  process.kill(pid, 'SIGSTOP');
  try {
    await scaler.producer('emails').addBulk(jobs(600));
    await eventually(() => scaler.logLines.some((line) => line.includes('the bus does not answer')));
  } finally {
    resume(pid);
  }
  const backMs = performance.now();
  const right = await eventually(() => scaler.of('workers').find(({ desiredReplicas }) => desiredReplicas >= 18));
  expect(right.arrivedAtMs - backMs).toBeLessThan(15_000);
});

it('jobs that are added one after another wake the pool to their size in one change', async () => {
  const pool = aPool('workers', ['emails']);
  scaler.add({ ...pool, spec: { ...pool.spec, concurrency: 1 } });
  await scaler.run();
  await decided('workers');
  // Arming the queue's wake-up counts as one, with follow-ups; only after them is the queue left alone.
  await eventually(async () => (await sampled()) >= 2 + WAKE_FOLLOW_UPS_MS.length);
  const emails = scaler.producer('emails');
  await emails.waitUntilReady();
  // The first time takes longest: code that never ran, and the script that Redis does not know.
  await scaler.producer('others').addBulk(jobs(60));
  // The others follow 3 ms after the first: if that one were sampled alone, there would be two changes. They are few, as
  // preparing hundreds takes the producer longer than the notifications of one burst may lie apart.
  await emails.add('send', {});
  await setTimeout(3);
  await emails.addBulk(jobs(60));
  await eventually(() => scaler.replicas('workers') >= 18);
  const changes = scaler
    .of('workers')
    .filter(({ desiredReplicas, currentReplicas }) => desiredReplicas !== currentReplicas);
  expect(new Set(changes.map(({ desiredReplicas }) => desiredReplicas)).size).toBe(1);
});

it('a pool grows no further than its Redis has connections for its pods, says so, and goes on when it has more', async () => {
  const redis = new Redis(scaler.redis.url);
  scaler.add(aPool('workers', ['emails']), 2);
  await scaler.producer('emails').addBulk(jobs(3_000));
  await redis.config('SET', 'maxclients', '60');
  await scaler.run();
  const held = await eventually(() => scaler.of('workers').find(({ heldBy }) => heldBy === 'ConnectionsExhausted'));
  // 54 connections less a few of the test, four for each pod.
  expect(held.desiredReplicas).toBeGreaterThan(2);
  expect(held.desiredReplicas).toBeLessThanOrEqual(2 + 54 / 4);
  expect(held.reason).toContain('maxclients');
  await redis.config('SET', 'maxclients', '10000');
  await eventually(() => scaler.replicas('workers') > 2 + 54 / 4);
  redis.disconnect();
});

it('a pool does not grow while its Redis has no memory left, says so, and grows when some is free again', async () => {
  const redis = new Redis(scaler.redis.url);
  scaler.add(aPool('workers', ['emails']), 2);
  await scaler.producer('emails').addBulk(jobs(600));
  await redis.config('SET', 'maxmemory', '1mb');
  await scaler.run();
  const held = await eventually(() => scaler.of('workers').find(({ heldBy }) => heldBy === 'RedisSaturated'));
  expect(held).toMatchObject({
    desiredReplicas: 2,
    reason: expect.stringContaining('Redis is at its limit') as string,
  });
  await redis.config('SET', 'maxmemory', '0');
  await eventually(() => scaler.replicas('workers') >= 10);
  redis.disconnect();
});
