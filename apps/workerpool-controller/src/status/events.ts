import type { WorkerPoolStatus } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import { PoolCondition, type Problem, type Reason } from '../kubernetes/reasons.ts';
import { isNewKill } from '../pods/killed.ts';

/** Something that happened to the pool, for its events. */
export interface StatusEvent extends Problem {
  readonly type: 'Normal' | 'Warning';
}

/** The events for a change of the status from one to the next: each change once. Pure. */
export function statusEvents(before: WorkerPoolStatus | undefined, after: WorkerPoolStatus): StatusEvent[] {
  const events: StatusEvent[] = [];
  const { phase, message = '', version } = after.rollout ?? {};
  const ready = findCondition(after.conditions, PoolCondition.Ready);
  if (phase !== before?.rollout?.phase || version !== before?.rollout?.version) {
    if (phase === 'Failed') {
      events.push({ type: 'Warning', reason: 'ProgressDeadlineExceeded', message: ready?.message ?? message });
    }
    if (phase === 'RolledBack') {
      const to = after.currentVersion ?? after.lastGoodVersion;
      events.push({ type: 'Warning', reason: 'RolledBack', message: `to version ${to}. ${message}` });
    }
  }
  const cameIn = before?.rollout !== undefined && before.rollout.phase !== 'RolledBack' && phase === undefined;
  const { readyReplicas = 0, replicas, desiredReplicas } = after;
  const complete = readyReplicas > 0 && readyReplicas === desiredReplicas && replicas === desiredReplicas;
  const working = ready?.reason === 'RolledOut' && complete;
  if (working && (cameIn || after.lastGoodVersion !== before?.lastGoodVersion)) {
    const pods = `${readyReplicas} pods are ready`;
    events.push({ type: 'Normal', reason: 'RolloutComplete', message: `version ${after.currentVersion}: ${pods}` });
  }
  const blocked = findCondition(after.conditions, PoolCondition.PodsBlocked);
  if (blocked && blocked.reason !== findCondition(before?.conditions, PoolCondition.PodsBlocked)?.reason) {
    events.push({ type: 'Warning', reason: blocked.reason as Reason, message: blocked.message });
  }
  const idle = findCondition(after.conditions, PoolCondition.QueueNotConsumed);
  if (idle && !findCondition(before?.conditions, PoolCondition.QueueNotConsumed)) {
    events.push({ type: 'Warning', reason: idle.reason as Reason, message: idle.message });
  }
  const killed = findCondition(after.conditions, PoolCondition.PodsKilled);
  if (killed && isNewKill(findCondition(before?.conditions, PoolCondition.PodsKilled)?.message, killed.message)) {
    events.push({ type: 'Warning', reason: killed.reason as Reason, message: killed.message });
  }
  return events;
}
