import type { QueueRestoreReason, QueueRestoreSpec } from '@redis-queue/api';
import type { Problem } from '@redis-queue/controller';
import { deadLettersName, listQueues, queueOfDeadLetters } from '../engine/queue-names.ts';

export type TargetProblem = Problem<QueueRestoreReason>;

/** The restore whose targets they are. */
export interface TargetsOf {
  readonly metadata: { readonly namespace?: string; readonly uid?: string };
  readonly spec: Pick<QueueRestoreSpec, 'queues' | 'deadLetters' | 'scratch'>;
}

/** What a backup has, by name, and what it was to have and has not. */
export interface BackupQueues {
  readonly names: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

/** A queue that a backup was to have, and that could not be read. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
  readonly message: string;
  /** Of an incremental backup: when the first point was begun that does not have it. */
  readonly since?: string | undefined;
}

/** A queue of a backup that is restored. */
export interface Wanted {
  readonly name: string;
  readonly queue: string;
  readonly isDeadLetters: boolean;
}

/** Names of the queues of a backup that are restored; all where it has not what the spec asks for, which is said elsewhere. */
export function restoredOf(
  names: readonly string[],
  spec: Pick<QueueRestoreSpec, 'queues' | 'deadLetters'>,
): readonly string[] {
  const wanted = wantedOf(names, spec);
  return Array.isArray(wanted) ? wanted.map(({ name }) => name) : names;
}

/** Those that the spec asks for, dead letters along with their queues unless it says otherwise; or what it asks for that the backup has not. */
export function wantedOf(
  names: readonly string[],
  { queues, deadLetters }: Pick<QueueRestoreSpec, 'queues' | 'deadLetters'>,
  leftOut: readonly LeftOut[] = [],
): Wanted[] | TargetProblem {
  const known = new Set(names);
  // Of a Queue, not dead letters of one that is in the backup as well.
  const ofQueues = names.filter((name) => !names.some((other) => name === deadLettersName(other)));
  const asked: NonNullable<typeof queues> = queues ?? ofQueues.map((name) => ({ name }));
  const missing = asked.find(({ name }) => !known.has(name));
  if (missing) {
    const why = whyMissing(leftOut.find(({ name }) => name === missing.name));
    const message = `spec.queues names ${missing.name}, which the backup does not have${why}; it has ${listQueues(names) || 'none'}`;
    return { reason: 'QueueNotInBackup', message };
  }
  const named = new Set(asked.map(({ name }) => name));
  return asked.flatMap(({ name, to }) => {
    const lettersOf = queueOfDeadLetters(name);
    const queue = to?.queue ?? lettersOf ?? name;
    // No redrive would find dead letters in the queue itself, and workers would take them as they are.
    if (lettersOf !== undefined) return [{ name, queue, isDeadLetters: true }];
    const letters = deadLettersName(name);
    const own = { name, queue, isDeadLetters: false };
    return deadLetters && known.has(letters) && !named.has(letters)
      ? [own, { name: letters, queue, isDeadLetters: true }]
      : [own];
  });
}

function whyMissing(leftOut: LeftOut | undefined): string {
  if (!leftOut) return '';
  const { reason, message, since } = leftOut;
  const wayOut =
    since === undefined
      ? 'restore it from another backup'
      : `points before ${since} may have it: create a QueueRestore with an earlier spec.from.backup.at`;
  return `, since it could not be read then (${reason}: ${message}); ${wayOut}`;
}

/** Queues that are wanted, and that the backup does not have since they could not be read. */
export function wantedLeftOut(
  leftOut: readonly LeftOut[],
  { queues, deadLetters }: Pick<QueueRestoreSpec, 'queues' | 'deadLetters'>,
): LeftOut[] {
  const named = queues && new Set(queues.map(({ name }) => name));
  return leftOut.filter(({ name }) => {
    const lettersOf = queueOfDeadLetters(name);
    if (lettersOf === undefined) return !named || named.has(name);
    return named?.has(name) || (deadLetters && (!named || named.has(lettersOf)));
  });
}
