import { eventually } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { costOf, PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
const [ONCE, TWICE] = [1, 2];

it('jobs that stalled before run with little company or none, in busy pods, behind a rate limit and with priorities', async () => {
  const { a, b, c } = bed.queues;
  await a.setGlobalRateLimit(10, 1_000);
  const suspects = [
    { queue: a, id: (await bed.add(a, 9, { runMs: 20 }))[4]!, stalls: TWICE },
    { queue: a, id: (await bed.add(a, 9, { runMs: 20 }))[4]!, stalls: ONCE },
    { queue: c, id: (await bed.add(c, 9, { runMs: 200 }, { priority: 3 }))[4]!, stalls: TWICE },
    { queue: c, id: (await bed.add(c, 9, { runMs: 200 }))[4]!, stalls: ONCE },
  ];
  await bed.add(b, 40, { runMs: 300 });
  await Promise.all(suspects.map(({ queue, id, stalls }) => bed.redis.hset(queue.toKey(id), 'stc', stalls)));
  await Promise.all([bed.readyPod('pod-0', PATIENT), bed.readyPod('pod-1', PATIENT)]);
  await bed.untilFinished(76);
  const ended = async (): Promise<number> => {
    const counts = await Promise.all([a, b, c].map(async (queue) => await queue.getCompletedCount()));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  await eventually(async () => (await ended()) === 76, PATIENCE);
  for (const { queue, id, stalls } of suspects) {
    expect(await costOf(queue, id)).toMatchObject({ state: 'completed', attempts: 1, stalls });
    const beside = Number(await bed.redis.hget('beside', `${queue.name}:${id}`));
    expect(beside, `${queue.name}:${id}`).toBeLessThanOrEqual(stalls === TWICE ? 1 : 2);
  }
  expect(Number(await bed.redis.zscore('running-at-once', 'pod-0'))).toBeGreaterThan(2);
});
