import type { Queue } from '@redis-queue/api';
import { parseOwnerMark, type QueueSample } from '@redis-queue/bullmq';
import { ownerOf } from './ownership.ts';
import type { ObservedQueue, QueuePlan } from './steps.ts';
import type { Problem } from './reasons.ts';
import { DATA_FINALIZER, FORCE_DELETE_ANNOTATION } from './resources.ts';

/** How long a deleted Queue waits for a Secret that is gone, as in a namespace that is being deleted. */
export const SECRET_PATIENCE_MS = 5 * 60_000;

/** Problems of the Secret itself; only a Secret can cure them, and it may never come back. */
const SECRET_PROBLEMS: readonly Problem['reason'][] = [
  'SecretNotFound',
  'SecretNotPermitted',
  'SecretInvalid',
  'PrefixReserved',
];

/**
 * What a deleted Queue still has to do before its finalizer goes. Only data under this object's own mark is removed:
 * without a mark it was never taken over, or is removed already. Without the Secret the data stays after 5 minutes, so
 * that deleting a namespace never hangs.
 */
export function planDeletion(queue: Queue, observed: ObservedQueue, now: Date): QueuePlan {
  if (!queue.metadata.finalizers?.includes(DATA_FINALIZER)) return { steps: [] };
  const { problem, policy, sample } = observed;
  if (!policy) return planWithoutRedis(queue, problem, now);
  const mark = parseOwnerMark(policy.rawOwnerMark);
  if (mark === undefined) return { steps: [{ kind: 'removeFinalizer' }] };
  if (mark === 'unreadable' || mark.owner !== ownerOf(queue, observed.clusterId)) {
    return letGo(mark === 'unreadable' ? 'its owner mark is of a later release' : `${mark.owner} governs the queue`);
  }
  const fence = policy.rawOwnerMark === undefined ? {} : { rawOwnerMark: policy.rawOwnerMark };
  if (queue.spec.deletionPolicy === 'DeleteIfEmpty') {
    const left = sample && unfinishedJobs(sample);
    if (left === undefined || left > 0)
      return letGo(`deletionPolicy is DeleteIfEmpty and ${left ?? 'an unknown number of'} jobs are left`);
  } else if (queue.spec.deletionPolicy !== 'Delete') {
    return letGo('deletionPolicy is Retain');
  }
  const force = queue.metadata.annotations?.[FORCE_DELETE_ANNOTATION] === 'true';
  return { steps: [{ kind: 'obliterate', force }, { kind: 'removeFinalizer' }], ...fence };
}

/** Jobs that still have to run, or failed and may be wanted; completed ones do not make a queue non-empty. */
export function unfinishedJobs(sample: QueueSample): number {
  const { waiting, prioritized, active, delayed, failed, waitingChildren, legacyPaused } = sample;
  return waiting + prioritized + active + delayed + failed + waitingChildren + legacyPaused;
}

function planWithoutRedis(queue: Queue, problem: Problem | undefined, now: Date): QueuePlan {
  const deletedFor = now.getTime() - Date.parse(queue.metadata.deletionTimestamp!);
  if (problem && SECRET_PROBLEMS.includes(problem.reason) && deletedFor >= SECRET_PATIENCE_MS)
    return letGo(problem.message);
  return { steps: [], ...(problem && { problem }) };
}

function letGo(dataRetained: string): QueuePlan {
  return { steps: [{ kind: 'removeFinalizer', dataRetained }] };
}
