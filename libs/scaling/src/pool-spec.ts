import { DEFAULT_DRAIN_POLICY, parseDuration, type ScalingRules, type WorkerPoolSpec } from '@redis-queue/api';
import type { PoolSpecView, ScalingRulesView } from './model/types.ts';

/** The wait to size for when a pool names no target at all. */
export const DEFAULT_WAIT_TARGET_MS = 30_000;
/** How long demand must stay low before a pool shrinks. HPA's 300 s is made for caches and connections to warm up. */
export const DEFAULT_SCALE_DOWN_WINDOW_MS = 60_000;
/** The part of it for which pods are kept for a line that was worked off. */
export const DEFAULT_BURST_WINDOW_MS = 15_000;
/** HPA's own default: smaller relative changes are noise. */
export const DEFAULT_TOLERANCE = 0.1;

/**
 * What sizing needs of a pool's spec, defaults resolved.
 *
 * @returns undefined while autoscaling is absent or off: spec.replicas rules.
 */
export function poolSpecView(spec: WorkerPoolSpec): PoolSpecView | undefined {
  const { autoscaling, concurrency, drainPolicy = DEFAULT_DRAIN_POLICY } = spec;
  if (!autoscaling?.enabled || autoscaling.maxReplicas === undefined) return undefined;
  const { queueDepth, latencyP95 } = autoscaling.targetMetrics ?? {};
  const waitTargetMs =
    latencyP95 !== undefined
      ? parseDuration(latencyP95)
      : queueDepth === undefined
        ? DEFAULT_WAIT_TARGET_MS
        : undefined;
  return {
    minReplicas: autoscaling.minReplicas,
    maxReplicas: autoscaling.maxReplicas,
    concurrency,
    ...(queueDepth !== undefined && { queueDepthTarget: queueDepth }),
    ...(waitTargetMs !== undefined && { waitTargetMs }),
    scaleUp: rulesView(autoscaling.behavior?.scaleUp, 0),
    scaleDown: rulesView(autoscaling.behavior?.scaleDown, DEFAULT_SCALE_DOWN_WINDOW_MS),
    ...(autoscaling.behavior?.scaleDown?.stabilizationWindowSeconds === undefined && {
      burstWindowMs: DEFAULT_BURST_WINDOW_MS,
    }),
    maxDrainMs: parseDuration(drainPolicy.maxDrainTime),
  };
}

function rulesView(rules: ScalingRules | undefined, defaultWindowMs: number): ScalingRulesView {
  const {
    stabilizationWindowSeconds,
    selectPolicy = 'Max',
    policies = [],
    tolerance = DEFAULT_TOLERANCE,
  } = rules ?? {};
  return {
    stabilizationWindowMs:
      stabilizationWindowSeconds === undefined ? defaultWindowMs : stabilizationWindowSeconds * 1_000,
    selectPolicy,
    policies: policies.map(({ type, value, periodSeconds }) => ({ type, value, periodMs: periodSeconds * 1_000 })),
    tolerance,
  };
}
