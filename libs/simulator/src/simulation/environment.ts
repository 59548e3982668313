import type { Distribution } from '../loads/random.ts';
import type { NodePlan } from './nodes.ts';

/** What pods run in. */
export interface Environment {
  /** Jobs a pod runs at once. */
  readonly concurrency: number;
  readonly maxReplicas: number;
  /** From a pod's place on a node to its first fetch, ms. */
  readonly podStartMs: Distribution;
  readonly seed: number;
  /** The pool's drainPolicy.maxDrainTime; absent: its default. */
  readonly maxDrainMs?: number;
  /** Share of the pods that never become ready: their container ends again and again. */
  readonly badPods?: number;
  /** Absent: there is room for every pod. */
  readonly nodes?: NodePlan;
  readonly spot?: SpotPlan;
}

/** Pods that are taken away with their nodes. */
export interface SpotPlan {
  /** From a pod's place on a node until that is taken back. */
  readonly lifeMs: Distribution;
  /** Between the notice, at which the pod is told to end and replaced, and its end. */
  readonly noticeMs: number;
}

/** The default of drainPolicy.maxDrainTime. */
export const DEFAULT_MAX_DRAIN_MS = 600_000;
/** Before the drain's end jobs are handed back; libs/worker keeps this long for it, or a fifth of a short drain. */
const HAND_BACK_MS = 5_000;

/** How long jobs of a pod that was asked to stop may still run. */
export function drainMs({ maxDrainMs = DEFAULT_MAX_DRAIN_MS }: Environment): number {
  return maxDrainMs - Math.min(HAND_BACK_MS, maxDrainMs / 5);
}
