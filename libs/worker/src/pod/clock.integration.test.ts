import { eventually } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { costOf, PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
/** A pod that gets little of a busy CPU keeps them, too. */
const LOCKS = { durationMs: 10_000, renewMs: 2_000, searchMs: 1_000 };

it('a pod renews the locks of its jobs also when the clock of its node is set back', async () => {
  const { a } = bed.queues;
  const pod = await bed.startPod('pod-0', PATIENT, LOCKS, 'clock.fixture.ts');
  const [id] = await bed.add(a, 1, { runMs: 600_000 });
  await bed.untilStarted(a, 1);
  pod.process.kill('SIGUSR2');
  await pod.process.waitForLine(/clock set back/, PATIENCE);
  let [leftMs, renewals] = [await bed.redis.pttl(`bull:a:${id}:lock`), 0];
  // without renewals it would end after ten of the intervals
  await eventually(async () => {
    const before = leftMs;
    leftMs = await bed.redis.pttl(`bull:a:${id}:lock`);
    if (leftMs > before) renewals++;
    return leftMs < 0 || renewals === 12;
  }, PATIENCE);
  expect(renewals).toBe(12);
  expect(await costOf(a, id!)).toEqual({ state: 'active', attempts: 0, stalls: 0, starts: 1 });
});
