import { describe, expect, it } from 'vitest';
import { scalingDecisionSchema } from '@redis-queue/scaling-bus';
import type { Decision } from '@redis-queue/scaling';
import { aPool, aQueue, aSecret } from '../test-objects.ts';
import { decisionMessage, isWorthPublishing } from './message.ts';
import { buildTopology } from '../watching/topology.ts';

const pool = buildTopology({
  pools: [aPool('workers', ['emails'])],
  queue: (_, name) => aQueue(name),
  secret: () => aSecret('redis://redis'),
  permittedSecrets: new Set(['redis-credentials']),
}).pools.get('team/workers')!;
const decision: Decision = {
  desired: 3,
  reason: '3 replicas: x.',
  signals: [{ queue: 'emails', depth: 5, active: 2 }],
  confidence: 1,
  cooldownUntilMs: 70_000,
  safetyLimitHit: false,
};
const at = (atMs: number, over: Partial<Decision> = {}, generation = 1) => ({
  atMs,
  generation,
  decision: { ...decision, ...over },
});

describe('a decision on the bus', () => {
  it('is valid and dated in the bus’s time', () => {
    const message = decisionMessage({ pool, currentReplicas: 0, decision }, 10_000, {
      epoch: 5,
      sequence: 2,
      sampledAt: 1_000_000_010.4,
      busNowMs: 1_000_000_050.2,
    });
    expect(scalingDecisionSchema.parse(message)).toMatchObject({
      pool: { namespace: 'team', name: 'workers', uid: 'uid-of-workers', generation: 1 },
      epoch: 5,
      sequence: 2,
      currentReplicas: 0,
      desiredReplicas: 3,
      sampledAt: 1_000_000_010,
      expiresAt: 1_000_015_050,
      cooldownUntil: 1_000_060_050,
    });
    expect(message).not.toHaveProperty('busy');
  });

  it('says who is busy when that is known, an idle pool included', () => {
    const stamp = { epoch: 5, sequence: 2, sampledAt: 0, busNowMs: 0 };
    for (const busy of [{ 'workers-6f-a': 2 }, {}] as Record<string, number>[]) {
      const message = decisionMessage({ pool, currentReplicas: 4, decision, busy }, 0, stamp);
      expect(scalingDecisionSchema.parse(message).busy).toEqual(busy);
    }
  });
});

it('carries advice, and is told for new advice although the size stays, once', () => {
  const advice = { concurrency: 20, message: 'Better: concurrency 20.', pods: 3, sinceMs: 1_790_000_000_000.4 };
  const stamp = { epoch: 5, sequence: 2, sampledAt: 0, busNowMs: 0 };
  const message = decisionMessage({ pool, currentReplicas: 3, decision, advice }, 0, stamp);
  const { sinceMs: _, ...said } = advice;
  expect(scalingDecisionSchema.parse(message).advice).toEqual({ ...said, since: 1_790_000_000_000 });
  expect(isWorthPublishing(at(0), { ...at(10), advice }, 3, false)).toBe(true);
  expect(isWorthPublishing({ ...at(0), advice }, { ...at(10), advice }, 3, false)).toBe(false);
  expect(isWorthPublishing({ ...at(0), advice }, at(10), 3, false)).toBe(false);
});

describe('publishing', () => {
  it('repeats a size that is not there yet each tick, no faster', () => {
    expect(isWorthPublishing(at(0), at(1_000), 0, false)).toBe(true);
    expect(isWorthPublishing(at(0), at(300), 0, false)).toBe(false);
  });

  it('repeats it seldom while the consumer is behind, and before the last one expires', () => {
    expect(isWorthPublishing(at(0), at(7_000), 0, true)).toBe(false);
    expect(isWorthPublishing(at(0), at(7_500), 0, true)).toBe(true);
    expect(isWorthPublishing(at(0), at(10, { desired: 4 }), 0, true)).toBe(true);
  });

  it('tells a new size at once', () => {
    expect(isWorthPublishing(at(0), at(10, { desired: 4 }), 0, false)).toBe(true);
  });

  it('is silent while a pool has its size and nothing changes', () => {
    expect(isWorthPublishing(at(0), at(3_600_000), 3, false)).toBe(false);
  });

  it.each([
    ['a hold begins', { heldBy: 'SensorFailed' as const }, 1],
    ['a limit is reached', { safetyLimitHit: true }, 1],
    ['the spec changed', {}, 2],
  ])('tells when %s although the size stays', (_, over, generation) => {
    expect(isWorthPublishing(at(0), at(10, over, generation), 3, false)).toBe(true);
  });

  it('tells new numbers once a minute', () => {
    expect(isWorthPublishing(at(0), at(59_000, { reason: 'other' }), 3, false)).toBe(false);
    expect(isWorthPublishing(at(0), at(60_000, { reason: 'other' }), 3, false)).toBe(true);
  });
});
