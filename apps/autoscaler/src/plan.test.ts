import { describe, expect, it } from 'vitest';
import { aPool, aQueue, aSample, aSecret } from './fixtures.ts';
import {
  knowNothing,
  learnFailure,
  learnSample,
  mayHaveFinished,
  observePool,
  type BlockedReplicas,
  type QueueKnowledge,
} from './plan.ts';
import { buildTopology } from './topology.ts';

const pool = buildTopology({
  pools: [aPool('workers', ['emails'])],
  queue: (_, name) => aQueue(name),
  secret: () => aSecret('redis://redis'),
  permittedSecrets: new Set(['redis-credentials']),
}).pools.get('team/workers')!;
const seen = (known: QueueKnowledge | undefined) => observePool(pool, { replicas: 3 }, () => known, 5_000).queues[0];

describe('what the policy sees of a queue', () => {
  it('is nothing before the first look', () => {
    expect(seen(undefined)).toMatchObject({ unseen: 'SensorFailed', message: 'not looked at yet' });
    expect(seen(knowNothing(0, 5_000))).toMatchObject({ unseen: 'SensorFailed' });
  });

  it('is the sample: ready jobs are waiting, prioritized, overdue and legacy-paused ones', () => {
    const sample = aSample({
      waiting: 1,
      prioritized: 2,
      overdue: 3,
      delayed: 9,
      dueSoon: 2,
      legacyPaused: 4,
      active: 5,
      headTimestampMs: 999_000,
    });
    expect(seen(learnSample(knowNothing(0, 5_000), sample, 4_000))).toMatchObject({
      queue: 'emails',
      sampledAtMs: 4_000,
      ready: 10,
      active: 5,
      dueSoon: 2,
      headAgeMs: 1_000,
      share: 1,
    });
  });

  it('has limits as rates', () => {
    const sample = aSample({ rateLimit: { max: 20, durationMs: 2_000 }, globalConcurrency: 7, paused: true });
    expect(seen(learnSample(knowNothing(0, 5_000), sample, 0))).toMatchObject({
      rateLimitPerSecond: 10,
      globalConcurrency: 7,
      paused: true,
    });
  });

  it('is unseen after a failed look, and seen again after the next good one', () => {
    const failed = learnFailure(learnSample(knowNothing(0, 5_000), aSample(), 0), 'Redis cannot be reached');
    expect(seen(failed)).toMatchObject({ unseen: 'SensorFailed', message: 'Redis cannot be reached' });
    expect(seen(learnSample(failed, aSample(), 4_000))).toMatchObject({ sampledAtMs: 4_000 });
  });
});

const blocked = (counts?: BlockedReplicas) => {
  const pods = { replicas: 3, ...(counts && { blocked: counts }) };
  const { quotaExhausted, unschedulablePods, podsFailing } = observePool(pool, pods, () => undefined, 0);
  return { quotaExhausted, unschedulablePods, podsFailing };
};

describe('what the policy sees of the pods', () => {
  it.each([
    [undefined, { quotaExhausted: false, unschedulablePods: 0, podsFailing: false }],
    [{ rejected: 2 }, { quotaExhausted: true, unschedulablePods: 0, podsFailing: false }],
    [{ unschedulable: 2 }, { quotaExhausted: false, unschedulablePods: 2, podsFailing: false }],
    [{ crashLooping: 1 }, { quotaExhausted: false, unschedulablePods: 0, podsFailing: true }],
    [{ imageFailing: 1 }, { quotaExhausted: false, unschedulablePods: 0, podsFailing: true }],
  ])('blocked %j', (counts, seenAs) => expect(blocked(counts)).toEqual(seenAs));
});

describe('finished jobs', () => {
  it('are read only when some may have finished', () => {
    expect(mayHaveFinished(aSample(), aSample())).toBe(false);
    expect(mayHaveFinished(aSample(), aSample({ active: 1 }))).toBe(true);
    expect(mayHaveFinished(aSample({ active: 1 }), aSample())).toBe(true);
    expect(mayHaveFinished(aSample(), aSample({ completed: 1 }))).toBe(true);
    expect(mayHaveFinished(aSample(), aSample({ addCounter: 1 }))).toBe(true);
    expect(mayHaveFinished(undefined, aSample())).toBe(true);
  });
});
