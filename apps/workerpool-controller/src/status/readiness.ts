import type { WorkerPool, WorkerPoolStatus } from '@redis-queue/api';
import { clipText, findCondition, isTrouble, timestamp } from '@redis-queue/controller';
import { liveReplicas } from '../deployment/replicas.ts';
import {
  failureMessage,
  hasSeenSpec,
  isRollingOut,
  replacesPods,
  rolledBackOf,
  rolloutFailed,
  startedMs,
  versionOf,
  type RolledBack,
} from '../deployment/rollout.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { PoolCondition, REASONS, type Problem } from '../kubernetes/reasons.ts';
import type { BlockedPods } from '../pods/blocked.ts';
import { unavailableDueMs } from './service.ts';

/** How the pods of a Deployment compare with what is asked for. */
export interface Readiness {
  /** What Ready says, as long as nothing is wrong with the pool's inputs. */
  readonly state: Problem;
  /** All pods run the Deployment's version, are ready, and as many as asked for. */
  readonly complete: boolean;
  readonly rollout: WorkerPoolStatus['rollout'];
}

const MAX_MESSAGE = 1024;

/** What the status says of a pool's pods and of its rollout. Pure. */
export function readinessOf(
  pool: WorkerPool,
  deployment: Deployment | undefined,
  blocked: BlockedPods,
  now: Date,
): Readiness {
  if (!deployment) {
    const state: Problem = { reason: 'Progressing', message: 'The Deployment is being created.' };
    return { state, complete: false, rollout: undefined };
  }
  const pods = podsOfDeployment(deployment);
  const remembered = rolledBackOf(deployment);
  const rolledBack = remembered && versionOf(deployment) !== pool.spec.version ? remembered : undefined;
  const failed = !pods.complete && rolloutFailed(pool, deployment, now.getTime());
  const hasNone = pods.desired > 0 && pods.ready === 0;
  const lacksAll = hasNone && (hasTrouble(blocked) || unavailableDueMs(pool, pool.status, now.getTime()) <= 0);
  const state = stateOf(pool, deployment, pods, blocked, { rolledBack, failed, lacksAll });
  const phase = rolledBack
    ? 'RolledBack'
    : failed
      ? 'Failed'
      : pods.desired > 0 && !pods.complete && isRollingOut(pool, deployment)
        ? 'Progressing'
        : undefined;
  if (phase === undefined) return { state, complete: pods.complete, rollout: undefined };
  const inTheWay = rolledBack ? rolledBack.message : (blocked.problem?.message ?? '');
  return {
    state,
    complete: pods.complete,
    rollout: {
      version: rolledBack?.version ?? versionOf(deployment) ?? pool.spec.version,
      phase,
      // Of a version that was rolled back, the pods that are left are those of no other.
      updatedReplicas: rolledBack ? Math.max(0, pods.existing - pods.updated) : pods.updated,
      readyReplicas: pods.ready,
      replicas: pods.desired,
      startedAt: startedAt(pool, deployment, rolledBack, now),
      ...(inTheWay !== '' && { message: clipText(inTheWay, MAX_MESSAGE) }),
    },
  };
}

interface PodCounts {
  readonly complete: boolean;
  readonly existing: number;
  readonly ready: number;
  readonly desired: number;
  readonly updated: number;
}

function podsOfDeployment(deployment: Deployment): PodCounts {
  const { replicas = 0, readyReplicas = 0, updatedReplicas = 0 } = deployment.status ?? {};
  const desired = liveReplicas(deployment);
  const seen = hasSeenSpec(deployment);
  return {
    complete: seen && replicas === desired && updatedReplicas === desired && readyReplicas >= desired,
    existing: replicas,
    ready: readyReplicas,
    desired,
    updated: seen ? updatedReplicas : 0,
  };
}

function stateOf(
  pool: WorkerPool,
  deployment: Deployment,
  { complete, ready, desired, updated }: PodCounts,
  blocked: BlockedPods,
  { rolledBack, failed, lacksAll }: { rolledBack: RolledBack | undefined; failed: boolean; lacksAll: boolean },
): Problem {
  const version = versionOf(deployment) ?? '';
  const facts = blocked.problem?.message ?? '';
  const progress = `${ready} of ${desired} pods are ready, ${updated} of version ${version}.`;
  if (rolledBack) {
    const back = `Version ${rolledBack.version} was rolled back, ${version} runs: ${progress}`;
    const wayOut =
      'Set spec.version to one that works, or change what kept this one from starting; to try it again as it is, switch spec.rollout.autoRollback off and on.';
    return { reason: 'RolledBack', message: sentences(back, rolledBack.message, wayOut, complete ? '' : facts) };
  }
  const rolledOut: Problem = { reason: 'RolledOut', message: `Version ${version} is rolled out.` };
  if (complete) return rolledOut;
  if (failed) {
    return {
      reason: 'ProgressDeadlineExceeded',
      message: sentences(failureMessage(pool, version, facts), progress, wayOutOf(pool, version)),
    };
  }
  const reason = blocked.problem?.reason;
  if (isInProgress(pool, deployment)) return { reason: reason ?? 'Progressing', message: sentences(progress, facts) };
  if (!lacksAll) return rolledOut;
  return { reason: hasTrouble(blocked) ? reason! : 'MinimumReplicasUnavailable', message: sentences(progress, facts) };
}

/**
 * Whether the newest spec is on its way into effect. A size that follows decisions is no part of the spec, and one that
 * was reached once stays in effect while pods come and go.
 */
function isInProgress(pool: WorkerPool, deployment: Deployment): boolean {
  const ready = findCondition(pool.status?.conditions, PoolCondition.Ready);
  const wasInEffect = ready?.status === 'True' && ready.observedGeneration === pool.metadata.generation;
  // What it has not seen yet is a new size, or a new template, which shows a moment later.
  if (!hasSeenSpec(deployment)) return !wasInEffect;
  return replacesPods(deployment) || (!wasInEffect && !pool.spec.autoscaling?.enabled);
}

/** Whether something keeps pods from working that does not pass by itself, as a lack of nodes does. */
function hasTrouble({ problem }: BlockedPods): boolean {
  return problem !== undefined && isTrouble(REASONS[problem.reason].kind);
}

/** What a person can do about a version that does not come up and is not rolled back. */
function wayOutOf(pool: WorkerPool, version: string): string {
  const good = pool.status?.lastGoodVersion;
  if (good === undefined)
    return 'No version has worked before: correct spec.version or what keeps its pods from starting.';
  if (good === version) {
    return 'The version is the last good one and is not rolled back: what changed is the template, a Secret or its configuration; correct that.';
  }
  return pool.spec.rollout?.autoRollback
    ? `It is rolled back to ${good}.`
    : `Set spec.version back to ${good}, or correct what keeps its pods from starting; spec.rollout.autoRollback rolls a version back by itself.`;
}

/**
 * When the rollout began: when its pod template was applied, or, for one that had no pods to try it with, when it first
 * had; that is remembered by status alone.
 */
function startedAt(pool: WorkerPool, deployment: Deployment, rolledBack: RolledBack | undefined, now: Date): string {
  const before = pool.status?.rollout;
  const version = rolledBack?.version ?? versionOf(deployment);
  const reported = before?.version === version ? before?.startedAt : undefined;
  const applied = startedMs(deployment);
  if (rolledBack) return reported ?? timestamp(applied ?? now.getTime());
  if (reported !== undefined && Date.parse(reported) >= (applied ?? 0)) return reported;
  const unseen = deployment.status?.conditions?.some(({ reason }) => reason === 'NewReplicaSetAvailable');
  return timestamp(unseen ? now.getTime() : (applied ?? now.getTime()));
}

function sentences(...all: string[]): string {
  return all.filter((each) => each !== '').join(' ');
}
