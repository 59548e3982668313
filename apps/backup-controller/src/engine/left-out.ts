import {
  LONGEST_LEFT_OUT_TEXT,
  QUEUE_BACKUP_REASONS,
  type QueueBackupReason,
  type ReasonTable,
} from '@redis-queue/api';
import { clipText, type Problem } from '@redis-queue/controller';
import { PostponedError, RunFailure } from '../runs/failure.ts';
import { problemOfQueue } from './failures.ts';

/** A queue that a backup was to have and does not have, and why. */
export interface QueueLeftOut {
  /** As the backup would name it. */
  readonly name: string;
  readonly reason: QueueBackupReason;
  readonly message: string;
}

/** A queue that could not be read. */
export interface Unread extends QueueLeftOut {
  readonly error: unknown;
}

/** What to say of a queue whose reading ended so; undefined: that was not for its own sake, and ends the backup. */
export function unreadBy(name: string, error: unknown): Unread | undefined {
  const problem = problemOfQueue(error);
  return problem && { ...leftOutBy(name, problem), error };
}

/** A queue to whose Redis there is no way. */
export function unresolved(leftOut: QueueLeftOut): Unread {
  return { ...leftOut, error: new RunFailure(leftOut) };
}

/** As a status has it. */
export function leftOutBy(name: string, { reason, message }: Problem<QueueBackupReason>): QueueLeftOut {
  return { name, reason, message: clipText(message, LONGEST_LEFT_OUT_TEXT).toWellFormed() };
}

/** Whether a queue may be readable soon, with nothing changed by a person. */
export function mayPass({ reason }: QueueLeftOut): boolean {
  const known: ReasonTable = QUEUE_BACKUP_REASONS;
  return known[reason]?.kind === 'retries';
}

/** The run is begun again after a while, in which the queue may become readable. */
export function postponedBy({ name, reason, message, error }: Unread): PostponedError {
  const waits = `${message}; it is waited for, and if that lasts the other queues are backed up without ${name}`;
  return new PostponedError({ reason, message: waits }, error);
}
