import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '@redis-queue/rig';
import { aPool } from './testing/objects.ts';
import { TestAutoscaler } from './testing/autoscaler.ts';

/** A pool that shrinks soon, so that a test can see it shrink. */
const quick = { behavior: { scaleDown: { stabilizationWindowSeconds: 1 } } };
/** Real time that a pool must hold its size through; longer than the 10 s of history a shrink needs. */
const HOLD_MS = 14_000;

let scaler: TestAutoscaler;
beforeEach(async () => {
  scaler = await TestAutoscaler.start();
});
afterEach(async () => scaler[Symbol.asyncDispose]());

/** The autoscaler has sampled the pool's queues and published a decision. */
const decided = (name: string) => eventually(() => scaler.of(name).at(-1), { description: `a decision on ${name}` });

/** Checks repeatedly, for `ms` of real time, that `check` holds. */
async function holdsFor(ms: number, check: () => void): Promise<void> {
  const end = performance.now() + ms;
  await eventually(() => (check(), performance.now() >= end), { timeoutMs: ms + 5_000, intervalMs: 200 });
}

describe('a pool at zero', () => {
  it('is woken by the first job, within a fraction of a second', async () => {
    scaler.add(aPool('workers', ['emails']));
    await scaler.run();
    await decided('workers');
    const queue = scaler.producer('emails');
    await queue.waitUntilReady();
    // The queue came to rest: from here on only the wake-up can notify in time.
    await eventually(async () => expectAtRest(scaler));
    const addedAtMs = performance.now();
    await queue.add('send', {});
    const decision = await eventually(() => scaler.of('workers').find(({ desiredReplicas }) => desiredReplicas > 0), {
      intervalMs: 2,
    });
    expect(decision).toMatchObject({
      currentReplicas: 0,
      desiredReplicas: 1,
      pool: { uid: 'uid-of-workers', generation: 1 },
    });
    expect(decision.reason).toContain('1 replica: 1 job waits; at 1 s per job');
    expect(decision.arrivedAtMs - addedAtMs).toBeLessThan(5_000);
  });

  it('takes the size of a whole burst, once', async () => {
    scaler.add(aPool('workers', ['emails']));
    await scaler.run();
    await decided('workers');
    await scaler.producer('emails').addBulk(Array.from({ length: 600 }, () => ({ name: 'send', data: {} })));
    await eventually(() => scaler.replicas('workers') === 18);
    const sizes = scaler.of('workers').map(({ desiredReplicas }) => desiredReplicas);
    expect(sizes.every((size, index) => index === 0 || size >= sizes[index - 1]!)).toBe(true);
  });

  it('is woken by a queue that only has prioritized jobs', async () => {
    scaler.add(aPool('workers', ['emails']));
    await scaler.run();
    await decided('workers');
    await scaler.producer('emails').add('send', {}, { priority: 5 });
    await eventually(() => scaler.replicas('workers') === 1);
    expect(scaler.of('workers').at(-1)?.signals).toMatchObject([{ queue: 'emails', depth: 1 }]);
  });

  it('is woken for a delayed job a pod’s start time before it is due', async () => {
    scaler.add(aPool('workers', ['emails']));
    await scaler.run();
    await decided('workers');
    const dueAt = performance.now() + 5_000;
    await scaler.producer('emails').add('send', {}, { delay: 5_000 });
    await eventually(() => scaler.replicas('workers') === 1);
    const early = dueAt - scaler.of('workers').find(({ desiredReplicas }) => desiredReplicas > 0)!.arrivedAtMs;
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(2_500);
  });

  it('is woken for one as early as its own pods have turned out to need, once they were measured', async () => {
    scaler.add(aPool('quick', ['letters']));
    scaler.add(aPool('slow', ['parcels']));
    scaler.setStatus('slow', { podStartSeconds: 60 });
    await scaler.run();
    await Promise.all([decided('quick'), decided('slow')]);
    for (const name of ['letters', 'parcels'])
      // oxlint-disable-next-line no-await-in-loop -- two jobs
      await scaler.producer(name).add('send', {}, { delay: 40_000 });
    await eventually(() => scaler.replicas('slow') === 1);
    expect(scaler.replicas('quick')).toBe(0);
  });

  it('stays there for jobs that are due next week or cannot start', async () => {
    scaler.add(aPool('later', ['next-week']));
    scaler.add(aPool('stuck', ['paused']));
    await scaler.run();
    await decided('later');
    const paused = scaler.producer('paused');
    await paused.pause();
    await paused.add('send', {});
    await scaler.producer('next-week').add('send', {}, { delay: 7 * 86_400_000 });
    await holdsFor(3_000, () => expect([scaler.replicas('later'), scaler.replicas('stuck')]).toEqual([0, 0]));
    await paused.resume();
    await eventually(() => scaler.replicas('stuck') === 1);
    expect(scaler.replicas('later')).toBe(0);
  });

  it('is shared by two pools on one queue: together they are not larger than one would be', async () => {
    scaler.add(aPool('few', ['emails'], { maxReplicas: 5 }));
    scaler.add(aPool('many', ['emails'], { maxReplicas: 15 }));
    await scaler.run();
    await Promise.all([decided('few'), decided('many')]);
    await scaler.producer('emails').addBulk(Array.from({ length: 600 }, () => ({ name: 'send', data: {} })));
    await eventually(() => scaler.replicas('few') === 5 && scaler.replicas('many') === 13);
    expect([scaler.replicas('few'), scaler.replicas('many')]).toEqual([5, 13]);
  });

  it('is published again every tick until it has its size, each time with a higher sequence', async () => {
    scaler.follows = false;
    scaler.add(aPool('workers', ['emails']));
    await scaler.run();
    await decided('workers');
    await scaler.producer('emails').add('send', {});
    const repeated = await eventually(() => {
      const wanted = scaler.of('workers').filter(({ desiredReplicas }) => desiredReplicas === 1);
      return wanted.length >= 3 && wanted;
    });
    expect(new Set(repeated.map(({ epoch }) => epoch)).size).toBe(1);
    expect(repeated.map(({ sequence }) => sequence)).toEqual(
      repeated.map(({ sequence }) => sequence).toSorted((a, b) => a - b),
    );
    expect(repeated.every(({ sampledAt, expiresAt }) => expiresAt > sampledAt)).toBe(true);
  });
});

describe('a pool with pods', () => {
  it('goes back to zero once everything is done', async () => {
    scaler.add(aPool('workers', ['emails'], quick));
    await scaler.run();
    await decided('workers');
    await scaler.producer('emails').addBulk(Array.from({ length: 30 }, () => ({ name: 'send', data: {} })));
    await eventually(() => scaler.replicas('workers') > 0);
    scaler.worker('emails', () => Promise.resolve());
    await eventually(() => scaler.replicas('workers') === 0, { timeoutMs: 90_000 });
    expect(scaler.of('workers').at(-1)?.reason).toContain('nothing waits, runs or is due soon');
  });

  it('is shrunk with the names of the pods at work, read afresh each time it is published', async () => {
    scaler.follows = false;
    scaler.add(aPool('workers', ['emails'], quick), 6);
    await scaler.run();
    await decided('workers');
    const end = Promise.withResolvers<void>();
    const emails = scaler.producer('emails');
    await emails.addBulk([1, 2].map(() => ({ name: 'send', data: {} })));
    scaler.worker('emails', () => end.promise, 2, 'workers-6f9d-aaaaa');
    const shrinks = () => scaler.of('workers').filter(({ desiredReplicas }) => desiredReplicas < 6);
    const first = await eventually(() => shrinks().find(({ busy }) => busy?.['workers-6f9d-aaaaa'] === 2), {
      timeoutMs: 60_000,
      description: 'a shrink that names the busy pod',
    });
    expect(first.busy).toEqual({ 'workers-6f9d-aaaaa': 2 });
    await emails.add('send', {});
    scaler.worker('emails', () => end.promise, 1, 'workers-6f9d-bbbbb');
    const later = await eventually(() => shrinks().find(({ busy }) => busy?.['workers-6f9d-bbbbb'] === 1), {
      timeoutMs: 60_000,
      description: 'the shrink published again with the pod that became busy',
    });
    expect(later.busy).toEqual({ 'workers-6f9d-aaaaa': 2, 'workers-6f9d-bbbbb': 1 });
    end.resolve();
  });

  it('does not grow while its pods crash, says so, and grows as soon as they work', async () => {
    scaler.add(aPool('workers', ['emails']), 2);
    scaler.setStatus('workers', { blockedReplicas: { crashLooping: 2 } });
    await scaler.run();
    await decided('workers');
    await scaler.producer('emails').addBulk(Array.from({ length: 600 }, () => ({ name: 'send', data: {} })));
    await eventually(() => scaler.of('workers').find(({ heldBy }) => heldBy === 'PodsFailing'), { timeoutMs: 30_000 });
    expect(scaler.replicas('workers')).toBe(2);
    scaler.pools.set('team/workers', { ...scaler.pools.get('team/workers')!, status: { desiredReplicas: 2 } });
    await eventually(() => scaler.replicas('workers') >= 10, { timeoutMs: 30_000 });
  });

  it('keeps its size while Redis is away, and says why; gets its size when Redis is back', async () => {
    scaler.add(aPool('workers', ['emails'], quick), 6);
    await scaler.run();
    await decided('workers');
    await scaler.redis.kill9();
    await eventually(() => scaler.of('workers').find(({ heldBy }) => heldBy === 'SensorFailed'), { timeoutMs: 20_000 });
    await holdsFor(HOLD_MS, () => expect(scaler.replicas('workers')).toBe(6));
    expect(scaler.logLines.some((line) => line.includes('Redis cannot be reached'))).toBe(true);
    await scaler.redis.restart();
    await scaler.producer('emails').addBulk(Array.from({ length: 600 }, () => ({ name: 'send', data: {} })));
    await eventually(() => scaler.replicas('workers') >= 10, { timeoutMs: 15_000 });
  });

  it('gets its size when the bus is back after an outage', async () => {
    scaler.add(aPool('workers', ['emails']));
    await scaler.run();
    await decided('workers');
    await scaler.bus.kill9();
    await scaler.producer('emails').addBulk(Array.from({ length: 600 }, () => ({ name: 'send', data: {} })));
    await eventually(() => scaler.logLines.some((line) => line.includes('the bus does not answer')), {
      timeoutMs: 20_000,
    });
    await scaler.bus.restart();
    await eventually(() => scaler.replicas('workers') >= 18, { timeoutMs: 20_000 });
    expect(scaler.replicas('workers')).toBe(18);
  });

  it('keeps its size over a restart of the autoscaler, which begins a later epoch', async () => {
    scaler.add(aPool('workers', ['emails'], quick), 6);
    await scaler.run();
    const first = await decided('workers');
    await scaler.run();
    const second = await eventually(() => scaler.of('workers').find(({ epoch }) => epoch > first.epoch));
    expect(second).toMatchObject({ desiredReplicas: 6, heldBy: expect.stringMatching(/NoHistory|SensorFailed/) });
  });

  it('is not shrunk for a Queue object that is gone, and still grows for the others', async () => {
    scaler.add(aPool('workers', ['emails', 'sms'], quick), 2);
    await scaler.run();
    await decided('workers');
    scaler.removeQueueObject('sms');
    await eventually(() => scaler.of('workers').find(({ heldBy }) => heldBy === 'QueueMissing'));
    await scaler.producer('emails').addBulk(Array.from({ length: 600 }, () => ({ name: 'send', data: {} })));
    await eventually(() => scaler.replicas('workers') >= 10);
    expect(scaler.of('workers').every(({ desiredReplicas }) => desiredReplicas >= 2)).toBe(true);
  });
});

async function expectAtRest(test: TestAutoscaler): Promise<boolean> {
  const durations = await test.metric('redis_queue_autoscaler_sample_duration_seconds');
  const samples = durations.find(({ metricName }) => metricName?.endsWith('_count'))?.value ?? 0;
  return samples >= 2;
}
