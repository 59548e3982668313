import type { Queue, QueueReason } from '@redis-queue/api';
import { parseOwnerMark } from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import { ownLetterMark } from '../ownership/dead-letter-claim.ts';
import { ownerOf } from '../ownership/ownership.ts';
import { blockedFor, type Blocked } from './blocked.ts';
import { planEndOfLetterRemoval, planLetterRemoval } from './dead-letter-removal.ts';
import { DATA_FINALIZER, isForced, removes } from './policy.ts';
import { ownSchedulers, planEndOfRemoval, planRemoval, planYielding, stopOf } from './removal.ts';
import { whyElsewhere, whyNotRemoved, whyRetained, whyRetainedAnyway, whyUnmarked, howItIsLeft } from './retained.ts';
import type { DeletionPlan, DeletionStep, ObservedDeletion } from './steps.ts';
import { whyClaimed, whyDelayed } from './waits.ts';

/**
 * How long after it was planned a round of a removal may begin in Redis: longer than a reconcile takes, shorter than
 * somebody needs to see that Redis hangs and to keep the data.
 */
const ROUND_LATENESS_MS = 10_000;

const SCHEDULERS_FIRST: Problem<QueueReason> = {
  reason: 'Deleting',
  message: 'deletionPolicy is DeleteIfEmpty: the job schedulers of this Queue are removed, then its jobs are counted',
};

/**
 * What a deleted Queue still has to do before its finalizer goes. Only data under this object's own mark is removed:
 * without a mark it was never taken over, or is removed already. The dead-letter queue goes last, by its own mark, so that
 * it is found again whatever was interrupted. Another Queue that claims the data inherits it. Where
 * Redis cannot be reached, or refuses, the data stays: after 5 minutes, so that deleting a namespace never hangs, or at
 * once when somebody says so by deletionPolicy Retain or the annotation of force. It stays with a Queue that only observes.
 */
export function planDeletion(queue: Queue, observed: ObservedDeletion, now: Date): DeletionPlan {
  if (!queue.metadata.finalizers?.includes(DATA_FINALIZER)) return { steps: [] };
  const { problem, policy } = observed;
  const blocked = blockedFor(queue, now);
  if (!policy) return planWithoutRedis(queue, problem, blocked);
  const mark = parseOwnerMark(policy.rawOwnerMark);
  if (mark === undefined) {
    const former = whyElsewhere(queue, observed);
    return former === undefined ? planLettersAlone(queue, observed, now) : letGo(former);
  }
  if (mark === 'unreadable') return letGo('its owner mark is of a later release');
  if (mark.owner !== ownerOf(queue, observed.clusterId)) return letGo(`${mark.owner} governs the queue`);
  if (blocked.byRefusal && blocked.isOver) return letGo(removes(queue) ? blocked.message : whyNotRemoved(queue));
  const stored = { ...(policy.rawOwnerMark !== undefined && { rawOwnerMark: policy.rawOwnerMark }) };
  // The next runs of its own schedulers are jobs too: how many others are left is judged when they are gone.
  const schedulers = ownSchedulers(policy, mark);
  const retained = schedulers.length > 0 ? whyRetainedAnyway(queue, observed) : whyRetained(queue, observed);
  const end = [...planEndOfRemoval(queue, mark, observed.fence), ...planEndOfLetterRemoval(queue, observed)];
  if (retained !== undefined) return { ...letGo(retained, end), ...stored };
  const claimed = isForced(queue) ? undefined : whyClaimed(queue, mark, observed, now);
  if (claimed && claimed.dueMs <= 0) return { ...letGo(claimed.problem.message, end), ...stored };
  if (claimed) return { steps: planYielding(mark, observed.fence), ...stored, ...claimed };
  const delay = whyDelayed(queue, observed, now);
  if (delay) return { steps: [], ...delay };
  if (schedulers.length > 0 && queue.spec.deletionPolicy === 'DeleteIfEmpty')
    return { steps: schedulers, ...stored, problem: SCHEDULERS_FIRST };
  return {
    steps: [
      ...schedulers,
      ...planRemoval(queue, policy, mark, observed),
      ...planLetterRemoval(queue, observed, stopOf(queue)),
      { kind: 'removeFinalizer' },
    ],
    ...stored,
    removesUntilMs: (observed.sample?.redisTimeMs ?? 0) + ROUND_LATENESS_MS,
  };
}

/** The queue itself is removed already, or was lost: what is left are its dead letters, if they are this object's. */
function planLettersAlone(queue: Queue, observed: ObservedDeletion, now: Date): DeletionPlan {
  if (!ownLetterMark(queue, observed)) return letGo(whyUnmarked(queue, observed));
  const retained = whyRetained(queue, observed);
  if (retained !== undefined) return letGo(retained, planEndOfLetterRemoval(queue, observed));
  const delay = whyDelayed(queue, observed, now);
  if (delay) return { steps: [], ...delay };
  return {
    steps: [...planLetterRemoval(queue, observed, stopOf(queue)), { kind: 'removeFinalizer' }],
    removesUntilMs: (observed.sample?.redisTimeMs ?? 0) + ROUND_LATENESS_MS,
  };
}

function planWithoutRedis(
  queue: Queue,
  problem: Problem<QueueReason> | undefined,
  { isOver, leftMs }: Blocked,
): DeletionPlan {
  if (isOver) {
    const why = removes(queue) ? (problem?.message ?? 'Redis could not be read') : whyNotRemoved(queue);
    return letGo(`${why}${howItIsLeft(queue)}`);
  }
  return { steps: [], dueMs: leftMs, ...(problem && { problem }) };
}

/** @param dataRetained why the data stays; absent: there is none of ours. */
function letGo(dataRetained?: string, before: readonly DeletionStep[] = []): DeletionPlan {
  const last = { kind: 'removeFinalizer' as const, ...(dataRetained !== undefined && { dataRetained }) };
  return { steps: [...before, last] };
}
