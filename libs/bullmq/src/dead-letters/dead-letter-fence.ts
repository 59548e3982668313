import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import type { Refusal } from '../rounds/step.ts';

/** What has to hold in Redis when something is written; otherwise nothing is. Checked by the script that writes. */
export interface DeadLetterFence {
  /** The owner mark of the queue as read. */
  readonly queueMark: string;
  /** The owner mark of its dead-letter queue as read. */
  readonly deadLetterMark: string;
  /** Redis' time, Unix ms, after which nothing is written: a call may wait in the buffers of a Redis that hangs. */
  readonly untilMs: number;
}

/** The first arguments of each script that writes. */
export function fenceArguments(fence: DeadLetterFence): (string | number)[] {
  return [OWNER_FIELD, fence.queueMark, fence.deadLetterMark, fence.untilMs];
}

/**
 * What follows `done` in a script's reply, or why it wrote nothing.
 * @throws UnexpectedReplyError when it is neither, or has not so many numbers.
 */
export function parseOutcome(reply: unknown, numbers: number): Refusal | [counts: number[], rest: unknown] {
  const [outcome, ...values] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (outcome === 'late' || outcome === 'ownershipLost') return outcome;
  const counts = values.slice(0, numbers);
  if (outcome !== 'done' || counts.length !== numbers || !counts.every((count) => Number.isSafeInteger(count)))
    throw new UnexpectedReplyError('it is no outcome for dead letters');
  return [counts as number[], values[numbers]];
}
