import { describe, expect, it } from 'vitest';
import { scalingDecisionSchema } from '@redis-queue/scaling-bus';
import { aPool, aQueue, aSecret, DECISION, secretSources } from '../testing/objects.ts';
import type { BusyPods } from './busy-pods.ts';
import { decisionMessage } from './message.ts';
import { buildTopology } from '../watching/topology.ts';

const pool = buildTopology({
  pools: [aPool('workers', ['emails'])],
  queue: (_, name) => aQueue(name),
  secrets: secretSources(() => aSecret('redis://redis')),
}).pools.get('team/workers')!;

describe('a decision on the bus', () => {
  it('is valid and dated in the bus’s time', () => {
    const message = decisionMessage({ pool, currentReplicas: 0, decision: DECISION }, 10_000, {
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
    const said = (busy: BusyPods) =>
      scalingDecisionSchema.parse(decisionMessage({ pool, currentReplicas: 4, decision: DECISION, busy }, 0, stamp));
    expect(said({ 'workers-6f-a': { jobs: 2, runMs: 61_400 } })).toMatchObject({
      busy: { 'workers-6f-a': 2 },
      busySeconds: { 'workers-6f-a': 61 },
    });
    expect(said({})).toMatchObject({ busy: {}, busySeconds: {} });
  });

  it('carries advice', () => {
    const advice = { concurrency: 20, message: 'Better: concurrency 20.', pods: 3, sinceMs: 1_790_000_000_000.4 };
    const stamp = { epoch: 5, sequence: 2, sampledAt: 0, busNowMs: 0 };
    const message = decisionMessage({ pool, currentReplicas: 3, decision: DECISION, advice }, 0, stamp);
    const { sinceMs: _, ...rest } = advice;
    expect(scalingDecisionSchema.parse(message).advice).toEqual({ ...rest, since: 1_790_000_000_000 });
  });

  it('carries the pods whose handlers are stuck, and the level of the image', () => {
    const stuckPods = [{ pod: 'p-0', handlers: 2, slots: 10 }];
    const stamp = { epoch: 5, sequence: 2, sampledAt: 0, busNowMs: 0 };
    const message = decisionMessage(
      { pool, currentReplicas: 3, decision: DECISION, stuckPods, contractLevel: 2 },
      0,
      stamp,
    );
    expect(scalingDecisionSchema.parse(message)).toMatchObject({ stuckHandlers: stuckPods, contractLevel: 2 });
  });
});
