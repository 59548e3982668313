import { describe, expect, it } from 'vitest';
import { initialKnowledge, learnFailure, learnSample, type QueueKnowledge } from '../sampling/queue-knowledge.ts';
import { aPool, aQueue, aSample, aSecret, secretSources } from '../testing/objects.ts';
import type { BlockedReplicas } from '../watching/pool-status.ts';
import { buildTopology } from '../watching/topology.ts';
import { observePool } from './pool-observation.ts';

const pool = buildTopology({
  pools: [aPool('workers', ['emails'])],
  queue: (_, name) => aQueue(name),
  secrets: secretSources(() => aSecret('redis://redis')),
}).pools.get('team/workers')!;
const seen = (known: QueueKnowledge | undefined) => observePool(pool, { replicas: 3 }, () => known).queues[0];

describe('what the policy sees of a queue', () => {
  it('is nothing before the first sample', () => {
    expect(seen(undefined)).toMatchObject({ unseen: 'SensorFailed', message: 'not sampled yet' });
    expect(seen(initialKnowledge(0, 5_000, 10_000))).toMatchObject({ unseen: 'SensorFailed' });
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
    expect(seen(learnSample(initialKnowledge(0, 5_000, 10_000), sample, 4_000))).toMatchObject({
      queue: 'emails',
      sampledAtMs: 4_000,
      ready: 10,
      active: 5,
      dueSoon: 2,
      headAgeMs: 1_000,
      share: 1,
    });
  });

  it('is no older than its line: a producer whose clock is behind does not make jobs appear late', () => {
    const empty = learnSample(initialKnowledge(0, 5_000, 10_000), aSample(), 4_000);
    const behind = learnSample(empty, aSample({ waiting: 1, headTimestampMs: 1_000_000 - 3_600_000 }), 4_700);
    expect(seen(behind)).toMatchObject({ headAgeMs: 700 });
  });

  it('counts further runs of job schedulers as due soon, and reports orphans', () => {
    const sample = aSample({ dueSoon: 1, scheduledSoon: 9, schedulers: 1, active: 2, orphaned: 2 });
    expect(seen(learnSample(initialKnowledge(0, 5_000, 10_000), sample, 0))).toMatchObject({
      dueSoon: 10,
      orphaned: 2,
    });
    expect(seen(learnSample(initialKnowledge(0, 5_000, 10_000), aSample(), 0))).not.toHaveProperty('orphaned');
  });

  it('has limits as rates', () => {
    const sample = aSample({ rateLimit: { max: 20, durationMs: 2_000 }, globalConcurrency: 7, paused: true });
    expect(seen(learnSample(initialKnowledge(0, 5_000, 10_000), sample, 0))).toMatchObject({
      rateLimitPerSecond: 10,
      globalConcurrency: 7,
      paused: true,
    });
  });

  it.each([
    ["the workers' own limit", { limitWindowMs: 900 }, 900],
    ["the queue's limit, once it is spent", { rateLimit: { max: 1, durationMs: 1_000 }, rateLimitedForMs: 800 }, 800],
    ["the queue's limit, before", { rateLimit: { max: 1, durationMs: 1_000 }, limitWindowMs: 900 }, undefined],
  ])('is limited by %s', (_what, limits, forMs) => {
    const known = learnSample(initialKnowledge(0, 5_000, 10_000), aSample({ waiting: 1, ...limits }), 0);
    expect((seen(known) as { limitedForMs?: number }).limitedForMs).toBe(forMs);
  });

  it('is unseen after a failed sample, and seen again after the next good one', () => {
    const failed = learnFailure(
      learnSample(initialKnowledge(0, 5_000, 10_000), aSample(), 0),
      'Redis cannot be reached',
    );
    expect(seen(failed)).toMatchObject({ unseen: 'SensorFailed', message: 'Redis cannot be reached' });
    expect(seen(learnSample(failed, aSample(), 4_000))).toMatchObject({ sampledAtMs: 4_000 });
  });
});

const blocked = (counts?: BlockedReplicas) => {
  const pods = { replicas: 3, ...(counts && { blocked: counts }) };
  const { quotaExhausted, unschedulablePods, failingPods } = observePool(pool, pods, () => undefined);
  return { quotaExhausted, unschedulablePods, failingPods };
};

const unproven = (hasProbes: boolean) =>
  observePool({ ...pool, hasProbes }, { replicas: 3 }, () => undefined).readyUnproven;

describe('what the policy sees of the pods', () => {
  it.each([
    [undefined, { quotaExhausted: false, unschedulablePods: 0, failingPods: 0 }],
    [{ rejected: 2 }, { quotaExhausted: true, unschedulablePods: 0, failingPods: 0 }],
    [{ unschedulable: 2 }, { quotaExhausted: false, unschedulablePods: 2, failingPods: 0 }],
    [{ crashLooping: 1 }, { quotaExhausted: false, unschedulablePods: 0, failingPods: 1 }],
    [{ imageFailing: 1 }, { quotaExhausted: false, unschedulablePods: 0, failingPods: 1 }],
  ])('blocked %j', (counts, seenAs) => expect(blocked(counts)).toEqual(seenAs));

  it('is that only those which work have a part of a queue of several pools, unless none does', () => {
    const known = learnSample(initialKnowledge(0, 5_000, 10_000), aSample({ active: 20 }), 0);
    const share = (crashLooping: number) => {
      const pods = { replicas: 4, blocked: { crashLooping } };
      return observePool(
        pool,
        pods,
        () => known,
        () => ({ present: 60, most: 400 }),
      ).queues[0];
    };
    expect(share(2)).toMatchObject({ share: 1 / 3 });
    expect(share(4)).toMatchObject({ share: 2 / 3 });
  });

  it('is that they may not fetch yet when they are ready, where the image serves no probes', () => {
    expect([unproven(true), unproven(false)]).toEqual([undefined, true]);
  });
});
