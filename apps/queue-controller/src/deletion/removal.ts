import type { Queue } from '@redis-queue/api';
import { listedSchedulers, type ObservedPolicy, type OwnerMark } from '@redis-queue/bullmq';
import { NO_SCHEDULERS, planSchedulers, type SchedulerStep } from '../schedulers/plan.ts';
import { isForced } from './policy.ts';
import type { DeletionStep, ObservedDeletion, StopAt } from './steps.ts';

// The steps by which the data of a queue goes, and by which a removal that was begun ends without it.

/** Which jobs a removal leaves. */
export function stopOf(queue: Queue): StopAt {
  if (queue.spec.deletionPolicy === 'DeleteIfEmpty') return 'unfinished';
  return isForced(queue) ? 'nothing' : 'busy';
}

/** What would add jobs for ever, with nobody to remove it, once the object is gone. */
export function ownSchedulers({ schedulerList }: ObservedPolicy, { owner }: OwnerMark): SchedulerStep[] {
  return planSchedulers(NO_SCHEDULERS, listedSchedulers(schedulerList, owner), owner);
}

/**
 * Before anything is removed, the mark is made unique to this removal; before the queue is paused, the mark says whose
 * pause that is. An empty queue need not be paused.
 */
export function planRemoval(
  queue: Queue,
  policy: ObservedPolicy,
  mark: OwnerMark,
  { fence, deadClaims, hasWorkers }: ObservedDeletion,
): DeletionStep[] {
  const isEmpty = queue.spec.deletionPolicy === 'DeleteIfEmpty';
  const pauses = !isEmpty && !policy.paused;
  const paused = pauses || (mark.removal?.paused ?? false);
  const isMarked = mark.removal?.fence === fence && mark.removal.paused === paused;
  return [
    ...(isMarked ? [] : [{ kind: 'beginRemoval' as const, mark: { ...mark, removal: { fence, paused } } }]),
    ...(pauses ? [{ kind: 'pause' as const }] : []),
    {
      kind: 'obliterate',
      stopAt: stopOf(queue),
      ...(!isForced(queue) && { owner: mark.owner }),
      ...(deadClaims && { ignoredClaims: deadClaims }),
      ...(hasWorkers && { hasWorkers }),
    },
  ];
}

/** Tells who may not read this object that it removes the queue, unless somebody takes it over. */
export function planYielding(mark: OwnerMark, fence: string): DeletionStep[] {
  return mark.removal ? [] : [{ kind: 'beginRemoval', mark: { ...mark, removal: { fence, paused: false } } }];
}

/**
 * The data stays after all. Before the queue is resumed, the mark becomes another one: a round or a pause of the removal
 * that is still under way, perhaps of a former leader, finds that one. Until it is resumed, the mark says that it has to be.
 */
export function planEndOfRemoval(queue: Queue, { removal, ...mark }: OwnerMark, fence: string): DeletionStep[] {
  if (!removal) return [];
  const end: DeletionStep = { kind: 'endRemoval', mark };
  // Also a queue that was not paused when it was read: its pause may be under way.
  if (!removal.paused || queue.spec.paused === true) return [end];
  const ending = { fence: `${fence}:ending`, paused: true };
  const isMarked = removal.fence === ending.fence;
  return [
    ...(isMarked ? [] : [{ kind: 'endRemoval' as const, mark: { ...mark, removal: ending } }]),
    { kind: 'resume' },
    end,
  ];
}
