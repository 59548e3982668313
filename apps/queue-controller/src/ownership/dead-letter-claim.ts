import { keepsDeadLetters, type Queue, type QueueReason } from '@redis-queue/api';
import {
  deadLetterQueue,
  ownMark,
  parseOwnerMark,
  queueId,
  type ObservedPolicy,
  type OwnerMark,
  type QueueRef,
} from '@redis-queue/bullmq';
import type { Problem as KindProblem } from '@redis-queue/controller';
import { queueRef } from '@redis-queue/redis-access';
import type { DeadLetterStep, ObservedDeadLetters } from './dead-letter-steps.ts';
import { heldByAnother, ownerOf, TAKE_OVER_ANNOTATION } from './ownership.ts';

type Problem = KindProblem<QueueReason>;

/** What was observed, as far as it is about the dead-letter queue. */
interface Observed {
  readonly clusterId: string;
  readonly deadLetters?: ObservedDeadLetters;
}

/** Whether the owner mark of the queue says that the dead-letter queue was claimed, whatever the spec says by now. */
export function hasClaimedDeadLetters({ rawOwnerMark }: ObservedPolicy): boolean {
  const mark = parseOwnerMark(rawOwnerMark);
  return typeof mark === 'object' && mark.managed.includes('deadLetters');
}

/**
 * What has to change for the dead-letter queue to be this object's, or nobody's when the spec does not ask for dead
 * letters any more. Only planned for who governs the queue itself. Pure.
 *
 * A Queue that names the dead-letter queue as its own keeps it, when it was first. One that names the same queue as this
 * object has no more right to its letters than to the queue, and that is this object's.
 */
export function planDeadLetters(
  queue: Queue,
  { clusterId, deadLetters }: Observed,
  now: Date,
): { readonly steps: readonly DeadLetterStep[]; readonly problem?: Problem } {
  if (!deadLetters) return { steps: [] };
  const { policy, problem, holder } = deadLetters;
  if (!policy) return { steps: [], ...(problem && { problem: ofLetters(queue, problem) }) };
  const owner = ownerOf(queue, clusterId);
  const expected = policy.rawOwnerMark;
  const mark = ownMark(expected, owner);
  if (!keepsDeadLetters(queue.spec)) return { steps: mark ? [{ kind: 'releaseDeadLetters', expected }] : [] };
  if (mark && !mark.removal) return { steps: [] };
  const isFree = mark !== undefined || queue.metadata.annotations?.[TAKE_OVER_ANNOTATION] === 'true';
  const taken = isFree
    ? undefined
    : (refusal(queue, policy) ??
      heldByAnother(queueId(refOf(queue)), parseOwnerMark(expected), {
        clusterId,
        holder: holder === 'deadLetters' ? 'gone' : holder,
      }));
  if (taken) return { steps: [], problem: ofLetters(queue, taken) };
  const adoptedAt = mark?.adoptedAt ?? now.toISOString();
  return { steps: [{ kind: 'claimDeadLetters', expected, owns: { owner, managed: [], adoptedAt } }] };
}

/** The mark of the dead-letter queue, where it is this object's. */
export function ownLetterMark(queue: Queue, { clusterId, deadLetters }: Observed): OwnerMark | undefined {
  return ownMark(deadLetters?.policy?.rawOwnerMark, ownerOf(queue, clusterId));
}

function refusal({ spec }: Queue, { exists, rawOwnerMark }: ObservedPolicy): Problem | undefined {
  if (spec.adoptionPolicy !== 'Refuse' || !exists || rawOwnerMark !== undefined) return undefined;
  const message = 'the queue exists in Redis already and adoptionPolicy is Refuse; set it to Adopt';
  return { reason: 'QueueExists', message };
}

function ofLetters(queue: Queue, { reason, message }: Problem): Problem {
  return {
    reason,
    message: `no dead letters are moved to ${queueId(refOf(queue))}, and the rest of the spec holds: ${message}`,
  };
}

function refOf(queue: Queue): QueueRef {
  return deadLetterQueue(queueRef(queue));
}
