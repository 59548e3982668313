import { describe, expect, it } from 'vitest';
import { aPool, aQueue, aSample, aSecret } from '../test-objects.ts';
import {
  knowNothing,
  learnFailure,
  learnSample,
  mayHaveFinished,
  observePool,
  wishOf,
  type BlockedReplicas,
  type QueueKnowledge,
} from './queue-knowledge.ts';
import { buildTopology } from '../watching/topology.ts';

const pool = buildTopology({
  pools: [aPool('workers', ['emails'])],
  queue: (_, name) => aQueue(name),
  secret: () => aSecret('redis://redis'),
  permittedSecrets: new Set(['redis-credentials']),
}).pools.get('team/workers')!;
const seen = (known: QueueKnowledge | undefined) => observePool(pool, { replicas: 3 }, () => known).queues[0];

const after = (sample: Parameters<typeof aSample>[0], atMs: number, known = knowNothing(0, 5_000, 10_000)) =>
  learnSample(known, aSample(sample), atMs, wishOf(known, 5_000, atMs));

describe('what the policy sees of a queue', () => {
  it('is nothing before the first look', () => {
    expect(seen(undefined)).toMatchObject({ unseen: 'SensorFailed', message: 'not looked at yet' });
    expect(seen(knowNothing(0, 5_000, 10_000))).toMatchObject({ unseen: 'SensorFailed' });
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
    expect(seen(learnSample(knowNothing(0, 5_000, 10_000), sample, 4_000))).toMatchObject({
      queue: 'emails',
      sampledAtMs: 4_000,
      ready: 10,
      active: 5,
      dueSoon: 2,
      headAgeMs: 1_000,
      share: 1,
    });
  });

  it('is no older than its line: a producer whose clock is behind does not make jobs look late', () => {
    const empty = learnSample(knowNothing(0, 5_000, 10_000), aSample(), 4_000);
    const behind = learnSample(empty, aSample({ waiting: 1, headTimestampMs: 1_000_000 - 3_600_000 }), 4_700);
    expect(seen(behind)).toMatchObject({ headAgeMs: 700 });
  });

  it('counts further runs of job schedulers as due soon, and tells of orphans', () => {
    const sample = aSample({ dueSoon: 1, scheduledSoon: 9, schedulers: 1, active: 2, orphaned: 2 });
    expect(seen(learnSample(knowNothing(0, 5_000, 10_000), sample, 0))).toMatchObject({ dueSoon: 10, orphaned: 2 });
    expect(seen(learnSample(knowNothing(0, 5_000, 10_000), aSample(), 0))).not.toHaveProperty('orphaned');
  });

  it('has limits as rates', () => {
    const sample = aSample({ rateLimit: { max: 20, durationMs: 2_000 }, globalConcurrency: 7, paused: true });
    expect(seen(learnSample(knowNothing(0, 5_000, 10_000), sample, 0))).toMatchObject({
      rateLimitPerSecond: 10,
      globalConcurrency: 7,
      paused: true,
    });
  });

  it('is unseen after a failed look, and seen again after the next good one', () => {
    const failed = learnFailure(learnSample(knowNothing(0, 5_000, 10_000), aSample(), 0), 'Redis cannot be reached');
    expect(seen(failed)).toMatchObject({ unseen: 'SensorFailed', message: 'Redis cannot be reached' });
    expect(seen(learnSample(failed, aSample(), 4_000))).toMatchObject({ sampledAtMs: 4_000 });
  });
});

const blocked = (counts?: BlockedReplicas) => {
  const pods = { replicas: 3, ...(counts && { blocked: counts }) };
  const { quotaExhausted, unschedulablePods, podsFailing } = observePool(pool, pods, () => undefined);
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
    expect(mayHaveFinished(aSample({ waiting: 1 }), aSample())).toBe(true);
    expect(mayHaveFinished(aSample({ delayed: 1 }), aSample())).toBe(true);
    expect(mayHaveFinished(aSample(), aSample({ addCounter: 1 }))).toBe(true);
    expect(mayHaveFinished(undefined, aSample({ addCounter: 7 }))).toBe(true);
    expect(mayHaveFinished(undefined, aSample({ active: 1 }))).toBe(true);
  });

  it('are not read of a queue that never had a job', () => {
    const { addCounter: _none, ...never } = aSample();
    expect(mayHaveFinished(undefined, never)).toBe(false);
    expect(mayHaveFinished(never, never)).toBe(false);
    expect(mayHaveFinished(never, aSample({ addCounter: 1 }))).toBe(true);
  });
});

describe('what a look reads', () => {
  it('is everything the first time', () => {
    expect(wishOf(knowNothing(0, 5_000, 10_000), 5_000, 0)).toEqual({ heads: true, rare: true, orphans: true });
  });

  it('are heads of line only when one may have waited for half of the target', () => {
    const busy = after({ waiting: 3 }, 2_000, after({}, 1_000));
    expect(wishOf(busy, 5_000, 3_000).heads).toBe(false);
    expect(wishOf(busy, 5_000, 3_500).heads).toBe(true);
    expect(wishOf(after({}, 3_400, busy), 5_000, 5_000).heads).toBe(false);
  });

  it('are orphans four times a minute, and at each look while there are some', () => {
    const busy = after({ active: 1 }, 1_000);
    expect(wishOf(busy, 5_000, 7_000)).toMatchObject({ rare: true, orphans: false });
    expect(wishOf(busy, 5_000, 16_000)).toMatchObject({ rare: true, orphans: true });
    expect(wishOf(after({ active: 1, orphaned: 1 }, 1_000), 5_000, 1_500)).toMatchObject({ rare: true, orphans: true });
  });

  it('is what is rare only now and then of a busy queue, unless there was some', () => {
    const idle = after({}, 1_000);
    expect(wishOf(idle, 5_000, 1_001).rare).toBe(true);
    const plain = after({ active: 1 }, 1_001, idle);
    expect(wishOf(plain, 5_000, 2_000).rare).toBe(false);
    expect(wishOf(after({ active: 1 }, 5_500, plain), 5_000, 6_000).rare).toBe(false);
    expect(wishOf(after({ active: 1 }, 5_500, plain), 5_000, 6_001).rare).toBe(true);
    for (const rare of [
      { paused: true },
      { globalConcurrency: 3 },
      { waitingChildren: 1 },
      { schedulers: 1 },
      { orphaned: 1 },
    ])
      expect(wishOf(after({ active: 1, ...rare }, 1_000), 5_000, 1_001).rare).toBe(true);
  });
});
