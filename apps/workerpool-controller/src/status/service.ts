import type { WorkerPool, WorkerPoolStatus } from '@redis-queue/api';
import { findCondition, type Notice } from '@redis-queue/controller';
import { liveReplicas } from '../deployment/replicas.ts';
import { progressDeadlineMs } from '../deployment/rollout.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { PoolCondition, type Problem, type Reason } from '../kubernetes/reasons.ts';
import type { BlockedPods } from '../pods/blocked.ts';
import type { LatePods } from '../pods/late.ts';
import { FIRST_DECISION_MS } from '../size/size.ts';

/** Whether a pool serves: a pod is ready, or none is asked for. Pure. @param ready what Ready says */
export function availability(deployment: Deployment | undefined, ready: Problem): Notice<Reason> {
  if (!deployment) return { ...ready, status: 'False' };
  const desired = liveReplicas(deployment);
  const { readyReplicas = 0 } = deployment.status ?? {};
  const message = desired === 0 ? 'No pods are asked for.' : `${readyReplicas} of ${desired} pods are ready.`;
  return desired === 0 || readyReplicas > 0
    ? { reason: 'MinimumReplicasAvailable', message }
    : { status: 'False', reason: 'MinimumReplicasUnavailable', message };
}

/**
 * What makes a pool serve worse that no other condition calls trouble, because it is normal for a while: pods that
 * start, a lack of nodes, and that the first decision has not come yet. Pure.
 *
 * @param active what ScalingActive says
 */
export function shortcoming(
  pool: WorkerPool,
  { deployment, blocked, late }: { deployment: Deployment | undefined; blocked: BlockedPods; late: LatePods },
  active: Notice<Reason>,
  nowMs: number,
): Notice<Reason> {
  const desired = deployment ? liveReplicas(deployment) : 0;
  const ready = deployment?.status?.readyReplicas ?? 0;
  if (ready < desired && late.count > 0) {
    const many = late.count === 1 ? '1 pod has' : `${late.count} pods have`;
    const within = `${progressDeadlineMs(pool) / 1000} s`;
    const facts = blocked.problem ? ` ${blocked.problem.message}` : '';
    const message = `${ready} of ${desired} pods are ready; ${many} not become ready within ${within}.${facts}`;
    return { reason: blocked.problem?.reason ?? 'ReplicasMissing', message };
  }
  const ageMs = nowMs - Date.parse(pool.metadata.creationTimestamp ?? '');
  return active?.reason === 'WaitingForDecision' && ageMs >= FIRST_DECISION_MS ? active : undefined;
}

/**
 * After how many ms a pool without a ready pod has had none for longer than pods may take to start; `Infinity` while it
 * is available. @param status what says since when
 */
export function unavailableDueMs(pool: WorkerPool, status: WorkerPoolStatus | undefined, nowMs: number): number {
  const available = findCondition(status?.conditions, PoolCondition.Available);
  if (available?.status !== 'False') return Number.POSITIVE_INFINITY;
  return Date.parse(available.lastTransitionTime) + progressDeadlineMs(pool) - nowMs;
}
