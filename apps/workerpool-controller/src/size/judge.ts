import type { WorkerPool } from '@redis-queue/api';
import { isOwnedBy } from '@redis-queue/controller';
import { compareFence, formatFence, type Fence, type ScalingDecision } from '@redis-queue/scaling-bus';
import { contestedFloor, contestOf, takenBackAfter } from '../deployment/contest.ts';
import { fenceOf, liveReplicas, NO_DECISION } from '../deployment/replicas.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { clampReplicas } from './size.ts';
import type { HeldByPods } from './victims.ts';

/** Why a decision is dropped; the label of a metric, so a fixed set. */
export type DropReason =
  /** No such pool, or another of the same name. */
  | 'pool-gone'
  /** Autoscaling is off. */
  | 'autoscaling-off'
  /** The pool has no Deployment, or one that is not its own. */
  | 'no-deployment'
  /** Not newer than what was seen before. */
  | 'older'
  /** Somebody else writes the size. */
  | 'contested'
  /** A shrink that would take a pod which works already and is not ready yet; it comes again with the next tick. */
  | 'pods-starting';

export type Verdict =
  | {
      readonly kind: 'scale';
      readonly from: number;
      readonly to: number;
      readonly fence: Fence;
      /** See `takenBackAfter`. */
      readonly takenBack?: string;
      /** What the pods hold, when some go and others stay: the victims are to be chosen by it first. */
      readonly held?: HeldByPods;
    }
  /** Nothing to write; status reports it. */
  | { readonly kind: 'note' }
  | { readonly kind: 'drop'; readonly reason: DropReason; readonly message: string };

export interface DecisionScene {
  readonly pool: WorkerPool | undefined;
  /** Live, with its managed fields. */
  readonly deployment: Deployment | undefined;
  /** The newest decision on this pool that this process has seen: holds write no fence. */
  readonly seen: Fence | undefined;
  /** The bus's Redis time. */
  readonly busNowMs: number;
  readonly nowMs: number;
}

/**
 * A fence on a Deployment this far ahead of the bus's clock, which no decision carried, was written by somebody else.
 */
const CREDIBLE_AHEAD_MS = 60_000;

/**
 * What to do about a decision. Pure. Each decision changes the size at most once, and never after a newer one.
 * A decision that wants no change leaves alone a size that has moved since the decision was made.
 */
export function judgeDecision(decision: ScalingDecision, scene: DecisionScene): Verdict {
  const { pool, deployment, busNowMs, nowMs } = scene;
  if (!pool || pool.metadata.uid !== decision.pool.uid || pool.metadata.deletionTimestamp) {
    return drop('pool-gone', 'there is no such WorkerPool any more');
  }
  if (!pool.spec.autoscaling?.enabled) return drop('autoscaling-off', 'spec.autoscaling is off');
  if (!deployment || deployment.metadata.deletionTimestamp || !isOwnedBy(deployment, pool)) {
    return drop('no-deployment', 'the WorkerPool has no Deployment of its own');
  }
  const newest = newestFence(fenceOf(deployment), scene.seen, Math.max(busNowMs + CREDIBLE_AHEAD_MS, decision.epoch));
  if (compareFence(decision, newest) <= 0) {
    return drop('older', `decision ${formatFence(decision)} is not newer than ${formatFence(newest)}`);
  }
  const from = liveReplicas(deployment);
  const to = Math.max(clampReplicas(pool, decision.desiredReplicas), contestedFloor(deployment, nowMs));
  const wantsNoChange = decision.desiredReplicas === decision.currentReplicas;
  if (wantsNoChange || to === from) return { kind: 'note' };
  const contest = contestOf(to, deployment, pool, nowMs);
  if (contest) return drop('contested', `the Deployment's replicas are written by ${contest.manager}`);
  const { epoch, sequence, busy, busySeconds = {} } = decision;
  const takenBack = takenBackAfter(deployment, pool, nowMs);
  return {
    kind: 'scale',
    from,
    to,
    fence: { epoch, sequence },
    ...(takenBack !== undefined && { takenBack }),
    ...(busy && to > 0 && to < from && { held: { jobs: busy, seconds: busySeconds } }),
  };
}

function drop(reason: DropReason, message: string): Verdict {
  return { kind: 'drop', reason, message };
}

/**
 * What was seen is believed, whatever clock it came from: a publisher begins above every epoch that status reports,
 * also on a bus whose clock was set back.
 *
 * @param credibleMs a fence of a later epoch than this and all that was seen is not believed
 */
function newestFence(onDeployment: Fence | undefined, seen: Fence | undefined, credibleMs: number): Fence {
  const known = seen ?? NO_DECISION;
  if (onDeployment === undefined || onDeployment.epoch > Math.max(credibleMs, known.epoch)) return known;
  return compareFence(onDeployment, known) > 0 ? onDeployment : known;
}
