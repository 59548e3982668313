import { describe, expect, it } from 'vitest';
import type { WorkerPoolSpec } from '@redis-queue/api';
import { poolSpecView } from './pool-spec.ts';

const spec = (autoscaling: Partial<NonNullable<WorkerPoolSpec['autoscaling']>> | undefined): WorkerPoolSpec => ({
  image: 'registry.example/worker',
  version: '1',
  queues: ['emails'],
  concurrency: 10,
  replicas: 1,
  ...(autoscaling && { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 5, ...autoscaling } }),
});

describe('a pool’s spec', () => {
  it('is not for us while autoscaling is absent or off', () => {
    expect(poolSpecView(spec(undefined))).toBeUndefined();
    expect(poolSpecView(spec({ enabled: false }))).toBeUndefined();
  });

  it('has HPA’s behaviour by default, but a window of a minute', () => {
    expect(poolSpecView(spec({}))).toMatchObject({
      waitTargetMs: 30_000,
      scaleUp: { stabilizationWindowMs: 0, policies: [], tolerance: 0.1, selectPolicy: 'Max' },
      scaleDown: { stabilizationWindowMs: 60_000, policies: [], tolerance: 0.1, selectPolicy: 'Max' },
    });
  });

  it('holds what a burst has left for the whole window when the user names one', () => {
    expect(poolSpecView(spec({}))?.burstWindowMs).toBe(15_000);
    const behavior = { scaleDown: { stabilizationWindowSeconds: 60 } };
    expect(poolSpecView(spec({ behavior }))).not.toHaveProperty('burstWindowMs');
  });

  it('has no wait target when only a depth is asked for', () => {
    const view = poolSpecView(spec({ targetMetrics: { queueDepth: 100 } }));
    expect(view).toMatchObject({ queueDepthTarget: 100 });
    expect(view).not.toHaveProperty('waitTargetMs');
    expect(poolSpecView(spec({ targetMetrics: { latencyP95: '5m' } }))).toMatchObject({ waitTargetMs: 300_000 });
  });

  it('keeps what the user wrote of the behaviour', () => {
    const scaleDown = {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Min' as const,
      tolerance: 0,
      policies: [{ type: 'Pods' as const, value: 2, periodSeconds: 30 }],
    };
    expect(poolSpecView(spec({ behavior: { scaleDown } }))?.scaleDown).toEqual({
      stabilizationWindowMs: 0,
      selectPolicy: 'Min',
      tolerance: 0,
      policies: [{ type: 'Pods', value: 2, periodMs: 30_000 }],
    });
  });
});
