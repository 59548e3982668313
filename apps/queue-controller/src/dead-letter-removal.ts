import type { Queue } from '@redis-queue/api';
import { formatOwnerMark } from '@redis-queue/bullmq';
import type { DeadLetterStep, ObservedQueue } from './steps.ts';
import { ownLetterMark } from './dead-letter-claim.ts';

/**
 * The dead-letter queue goes, if it is this object's. Its mark is made unique to this removal before anything is removed,
 * as that of the queue is. Pure.
 *
 * @param stopAt which of its jobs stop it.
 */
export function planLetterRemoval(
  queue: Queue,
  observed: ObservedQueue,
  stopAt: 'unfinished' | 'busy' | 'nothing',
): DeadLetterStep[] {
  const mark = ownLetterMark(queue, observed);
  if (!mark) return [];
  const expected = observed.deadLetters?.policy?.rawOwnerMark;
  const owns = { ...mark, removal: { fence: observed.fence, paused: false } };
  const isMarked = mark.removal?.fence === observed.fence;
  return [
    ...(isMarked ? [] : [{ kind: 'beginDeadLetterRemoval' as const, expected, owns }]),
    {
      kind: 'obliterateDeadLetters',
      expected: isMarked ? expected : formatOwnerMark(owns),
      stopAt,
    },
  ];
}

/** The letters stay after all: a round of the removal that is still under way finds another mark. */
export function planEndOfLetterRemoval(queue: Queue, observed: ObservedQueue): DeadLetterStep[] {
  const mark = ownLetterMark(queue, observed);
  if (!mark?.removal) return [];
  const { owner, managed, adoptedAt } = mark;
  const expected = observed.deadLetters?.policy?.rawOwnerMark;
  return [{ kind: 'endDeadLetterRemoval', expected, owns: { owner, managed, adoptedAt } }];
}
