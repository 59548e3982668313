import type { Queue } from '@redis-queue/api';
import { formatOwnerMark } from '@redis-queue/bullmq';
import { ownLetterMark } from '../ownership/dead-letter-claim.ts';
import type { DeadLetterStep } from '../ownership/dead-letter-steps.ts';
import type { ObservedDeletion, StopAt } from './steps.ts';

/**
 * The dead-letter queue goes, if it is this object's. Its mark is made unique to this removal before anything is removed,
 * as that of the queue is. Pure.
 *
 * @param stopAt which of its jobs stop it.
 */
export function planLetterRemoval(queue: Queue, observed: ObservedDeletion, stopAt: StopAt): DeadLetterStep[] {
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
export function planEndOfLetterRemoval(queue: Queue, observed: ObservedDeletion): DeadLetterStep[] {
  const mark = ownLetterMark(queue, observed);
  if (!mark?.removal) return [];
  const { owner, managed, adoptedAt } = mark;
  const expected = observed.deadLetters?.policy?.rawOwnerMark;
  return [{ kind: 'endDeadLetterRemoval', expected, owns: { owner, managed, adoptedAt } }];
}
