import type { Scaler } from '../simulation/scaler.ts';
import { AWS_ALARMS, backlogPerWorker } from './backlog-per-worker.ts';
import { fixedFleet } from './fixed-fleet.ts';
import { KEDA_DEFAULTS, kedaHpa } from './keda-hpa.ts';
import { KPA_DEFAULTS, knativeKpa } from './knative-kpa.ts';

/** What a rival's operator would know when tuning for one workload. */
export interface TunedFor {
  readonly concurrency: number;
  readonly maxReplicas: number;
  readonly waitTargetMs: number;
  readonly meanServiceMs: number;
  readonly seed: number;
}

/** Makes a new rival: one instance serves one run. */
export type Rival = () => Scaler;

/** Jobs per pod that KEDA aims for, as multiples of a pod's slots. */
const ACTIVE_TARGETS = [0.5, 0.7, 0.85, 1, 1.5] as const;
const WAITING_TARGETS = [0.1, 0.5, 1, 2, 10] as const;
const SHRINK_AFTER_MS = [60_000, 300_000] as const;
const UTILIZATIONS = [0.5, 0.7, 0.85, 1] as const;
const STABLE_WINDOWS_MS = [60_000, 300_000] as const;
const DELAYS_MS = [0, 60_000] as const;
const PANIC_THRESHOLDS = [2, 10] as const;
/** Parts of the wait target that AWS' "acceptable latency" may be. */
const ACCEPTABLE_WAITS = [0.25, 0.5, 1] as const;

/** KEDA as installed, to compare elasticity with. */
export function kedaAsInstalled({ concurrency, maxReplicas, seed }: TunedFor): Rival {
  return () => kedaHpa({ ...KEDA_DEFAULTS, metric: 'waiting+active', target: concurrency, maxReplicas }, seed);
}

/** Every setting that a rival is tried with on each workload; its best one is chosen afterwards, with hindsight. */
export function rivalGrid(of: TunedFor): Rival[] {
  return [kedaAsInstalled(of), ...kedaGrid(of), ...kpaGrid(of), ...backlogGrid(of)];
}

/** Fixed fleets up to `most` pods. More pods never make more jobs late, so the largest affordable one is the best. */
export function largestFixedFleet(podSeconds: number, durationMs: number): Rival {
  return () => fixedFleet(Math.max(1, Math.floor((podSeconds * 1_000) / durationMs + 1e-9)));
}

function kedaGrid({ concurrency, maxReplicas, seed }: TunedFor): Rival[] {
  const signals = [
    ...ACTIVE_TARGETS.map((share) => ({ metric: 'waiting+active' as const, target: share * concurrency })),
    ...WAITING_TARGETS.map((share) => ({ metric: 'waiting' as const, target: share * concurrency })),
  ];
  const reactions = [
    { pollingMs: 30_000, scaleUp: 'default' as const },
    { pollingMs: 1_000, scaleUp: 'unlimited' as const },
  ];
  return signals.flatMap((signal) =>
    reactions.flatMap((reaction) =>
      SHRINK_AFTER_MS.flatMap((shrinkAfterMs) =>
        [0, 1].map((minReplicas) => () => {
          const shrinking = { cooldownMs: shrinkAfterMs, stabilizationMs: shrinkAfterMs };
          return kedaHpa({ ...signal, ...reaction, ...shrinking, minReplicas, maxReplicas }, seed);
        }),
      ),
    ),
  );
}

function kpaGrid({ concurrency, maxReplicas }: TunedFor): Rival[] {
  return UTILIZATIONS.flatMap((utilization) =>
    STABLE_WINDOWS_MS.flatMap((stableWindowMs) =>
      DELAYS_MS.flatMap((scaleDownDelayMs) =>
        PANIC_THRESHOLDS.map((panicThreshold) => () => {
          const windows = { stableWindowMs, panicWindowMs: stableWindowMs / 10, scaleDownDelayMs };
          return knativeKpa({ ...KPA_DEFAULTS, concurrency, maxReplicas, utilization, ...windows, panicThreshold });
        }),
      ),
    ),
  );
}

function backlogGrid({ concurrency, maxReplicas, waitTargetMs, meanServiceMs }: TunedFor): Rival[] {
  const alarms = [AWS_ALARMS, { periodMs: 10_000, periodsToGrow: 1, periodsToShrink: 6 }];
  return ACCEPTABLE_WAITS.flatMap((share) =>
    alarms.flatMap((alarm) =>
      [0, 1].map((minReplicas) => () => {
        const target = Math.max(1, Math.round(((share * waitTargetMs) / meanServiceMs) * concurrency));
        return backlogPerWorker({ ...alarm, target, minReplicas, maxReplicas });
      }),
    ),
  );
}
