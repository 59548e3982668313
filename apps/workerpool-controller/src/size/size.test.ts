import { describe, expect, it } from 'vitest';
import type { WorkerPool, WorkerPoolSpec, WorkerPoolStatus } from '@redis-queue/api';
import { DECISION_ANNOTATION } from '@redis-queue/scaling-bus';
import { REPLICAS_ANNOTATION } from '../kubernetes/names.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { aPool, autoscaled } from '../testing/objects.ts';
import { FIRST_DECISION_MS, firstDecisionDueMs, initialReplicas, wantedSize } from './size.ts';

const CREATED = Date.parse('2026-01-01T00:00:00Z');
const young = { busConfigured: true, nowMs: CREATED + 10_000 };
const old = { busConfigured: true, nowMs: CREATED + FIRST_DECISION_MS };
const noBus = { busConfigured: false, nowMs: CREATED };

function pool(spec: Partial<WorkerPoolSpec>, status?: WorkerPoolStatus): WorkerPool {
  const made = aPool({ replicas: 4, ...spec }, status);
  made.metadata.creationTimestamp = '2026-01-01T00:00:00Z';
  return made;
}
const live = (replicas: number, fence = '0.0', written = replicas): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'mail', annotations: { [DECISION_ANNOTATION]: fence, [REPLICAS_ANNOTATION]: String(written) } },
  spec: { replicas },
});
const decided = { autoscaling: { decision: '7.1' } };

describe('with autoscaling and no decision ever', () => {
  it.each<[string, Partial<WorkerPoolSpec>, number, typeof young, number]>([
    ['a young pool waits at its minimum', autoscaled(0, 10), 0, young, 0],
    ['after a minute spec.replicas run, so that jobs run without an autoscaler', autoscaled(0, 10), 0, old, 4],
    ['no more than the maximum', autoscaled(0, 3), 0, old, 3],
    ['no fewer than the minimum', autoscaled(6, 9), 6, old, 6],
    ['a size that is larger already is kept: a shrink needs a decision', autoscaled(0, 10), 7, old, 7],
    ['without a bus spec.replicas rules at once', autoscaled(0, 10), 0, noBus, 4],
    ['without a bus spec.replicas rules downwards too', autoscaled(0, 10), 7, noBus, 4],
    ['without a bus bounds hold', autoscaled(5, 10), 0, noBus, 5],
  ])('%s', (_, spec, size, scene, expected) => {
    expect(wantedSize(pool(spec), live(size), scene).replicas).toBe(expected);
  });

  it('a new Deployment starts with the same', () => {
    const auto = pool(autoscaled(1, 10));
    expect([young, old, noBus].map((scene) => initialReplicas(auto, scene))).toEqual([1, 4, 4]);
  });

  it('says why', () => {
    expect(wantedSize(pool(autoscaled(0, 10)), live(0), old).reason).toMatch(
      /no decision .* 60 s .*spec.replicas is 4/,
    );
    expect(wantedSize(pool(autoscaled(0, 10)), live(0), noBus).reason).toMatch(/no bus .*spec.replicas is 4/);
  });
});

describe('a pool that had decisions keeps its size', () => {
  it.each<[string, WorkerPoolStatus | undefined, string]>([
    ['as status says', decided, '0.0'],
    ['as its Deployment says', undefined, '7.1'],
  ])('%s, however long no more come', (_, status, fence) => {
    for (const scene of [young, old, noBus]) {
      expect(wantedSize(pool(autoscaled(0, 10), status), live(2, fence), scene).replicas).toBe(2);
    }
  });

  it('a new Deployment comes back with the size it had', () => {
    const before = pool(autoscaled(0, 10), { ...decided, desiredReplicas: 2 });
    for (const scene of [old, noBus]) expect(initialReplicas(before, scene)).toBe(2);
  });
});

describe('the check after a minute is due', () => {
  const auto = pool(autoscaled(0, 10));
  it.each<[string, WorkerPool, Deployment | undefined, typeof young, number | undefined]>([
    ['in what is left of it', auto, live(0), young, FIRST_DECISION_MS - 10_000],
    ['not once it was', auto, live(0), old, undefined],
    ['not after a decision', auto, live(0, '7.1'), young, undefined],
    ['not without autoscaling', pool({}), live(4), young, undefined],
    ['not without a bus', auto, live(0), noBus, undefined],
    ['also before there is a Deployment', auto, undefined, young, FIRST_DECISION_MS - 10_000],
  ])('%s', (_, of, deployment, scene, expected) => {
    expect(firstDecisionDueMs(of, deployment, scene)).toBe(expected);
  });
});
