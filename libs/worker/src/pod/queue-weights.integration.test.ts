import { eventually } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();

const weighed = (weights: Record<string, number>): Record<string, string> => ({
  ...PATIENT,
  RQ_QUEUES: JSON.stringify(
    ['a', 'b', 'c'].map((queue) => ({ queue, name: queue, prefix: 'bull', weight: weights[queue] })),
  ),
});

/** Of the runs that began first, how many are of each queue. */
async function ofFirst(count: number): Promise<Record<string, number>> {
  const first = (await bed.startOrder()).slice(0, count);
  return Object.fromEntries(
    ['a', 'b', 'c'].map((name) => [name, first.filter((key) => key.startsWith(`${name}:`)).length]),
  );
}

describe('the slots of a pod whose queues have weights', () => {
  it('are shared by weight while several queues have work, and a queue without work costs none', async () => {
    for (const queue of Object.values(bed.queues)) await queue.pause();
    const { a, b } = bed.queues;
    await bed.add(a, 100, { runMs: 20 });
    await bed.add(b, 100, { runMs: 20 });
    await bed.readyPod('pod-0', weighed({ a: 3, c: 100 }));
    await Promise.all(Object.values(bed.queues).map(async (queue) => await queue.resume()));
    await bed.untilFinished(200);
    // while both had jobs
    const { a: ofA, b: ofB } = await ofFirst(120);
    expect(ofA! / (ofA! + ofB!)).toBeGreaterThan(0.7);
    expect(ofA! / (ofA! + ofB!)).toBeLessThan(0.8);
    // alone, the other has all slots
    expect(await bed.redis.zscore('running-at-once', 'pod-0')).toBe('4');
    expect((await bed.startOrder()).slice(-30).every((key) => key.startsWith('b:'))).toBe(true);
  });

  it('are shared by weight whatever the jobs take: many short ones beside few long ones', async () => {
    const { a, b } = bed.queues;
    for (const queue of [a, b]) await queue.pause();
    await bed.add(a, 100, { runMs: 10 });
    await bed.add(b, 100, { runMs: 300 });
    await bed.readyPod('pod-0', weighed({}));
    await Promise.all([a.resume(), b.resume()]);
    const active = { a: 0, b: 0 };
    await eventually(
      async () => {
        active.a += await a.getActiveCount();
        active.b += await b.getActiveCount();
        return (await bed.starts(a)) === 100;
      },
      { ...PATIENCE, intervalMs: 10 },
    );
    // by turns, one start each, the long ones would have nearly all
    const ofB = active.b / (active.a + active.b);
    expect(ofB).toBeGreaterThan(0.4);
    expect(ofB).toBeLessThan(0.65);
  });
});
