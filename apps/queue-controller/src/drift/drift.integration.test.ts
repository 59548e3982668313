import { eventually } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runController, testCluster, type TestCluster } from '../testing/cluster.ts';

// The next reconcile that nothing causes is five minutes away: what is found here, the rounds of comparing have found.

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

it('a Redis that lost all its data has the marks and settings of all its queues again', async () => {
  const ns = await t.namespace();
  const names = Array.from({ length: 60 }, (_, n) => `lost-${n}`);
  const queues = await Promise.all(names.map((name) => t.queue(ns, name, { globalConcurrency: 5, paused: true })));
  await Promise.all(queues.map((queue) => t.settled(queue, 'Applied')));
  const before = await t.meta(names[0]!);
  await t.redis.flushall();
  await eventually(async () => (await t.redis.keys('bull:lost-*:meta')).length === names.length);
  await eventually(async () => {
    for (const name of names) expect(await t.meta(name)).toMatchObject({ concurrency: '5', paused: '1' });
    return true;
  });
  expect(Object.keys(await t.meta(names[0]!)).toSorted()).toEqual(Object.keys(before).toSorted());
});

it('a setting that the spec does not manage shows in the status, and in the plan of who only observes', async () => {
  const ns = await t.namespace();
  const queue = await t.queue(ns, 'by-hand');
  const observed = await t.queue(ns, 'observed', { globalConcurrency: 5, adoptionPolicy: 'Observe' });
  await t.settled(queue, 'Applied');
  await t.settled(observed, 'Observed');
  // Beside a limit that no status can show.
  await t.redis.hset('bull:by-hand:meta', 'paused', '1', 'max', '1.5', 'duration', '1000');
  await t.redis.hset('bull:observed:meta', 'concurrency', '7');
  await eventually(async () => (await t.read(queue)).status?.effective?.paused === true);
  await eventually(async () => (await t.read(observed)).status?.plan?.some((text) => text.includes('from 7')) === true);
  expect(await t.redis.hget('bull:observed:meta', 'concurrency')).toBe('7');
});

it('a queue that cannot be read any more says so, and one of a Redis that hangs within 10 s', async () => {
  const ns = await t.namespace();
  const broken = await t.queue(ns, 'broken', { globalConcurrency: 5 });
  const hung = await t.queue(ns, 'hung', { globalConcurrency: 5 });
  await Promise.all([broken, hung].map((queue) => t.settled(queue, 'Applied')));
  await t.redis.set('bull:broken:meta', 'no hash');
  await t.settled(broken, 'QueueUnreadable');
  const fromMs = performance.now();
  process.kill(t.server.pid, 'SIGSTOP');
  try {
    await t.settled(hung, 'RedisUnreachable');
  } finally {
    process.kill(t.server.pid, 'SIGCONT');
  }
  expect(performance.now() - fromMs).toBeLessThan(10_000);
  await t.settled(hung, 'Applied');
});
