import { END_RESTORE_ANNOTATION, type Queue, type QueueReason } from '@redis-queue/api';
import type { ObservedPolicy, RestoreMark } from '@redis-queue/bullmq';
import type { Notice } from '@redis-queue/controller';

/** The condition type of a queue that a restore has, or has left. */
export const HELD_BY_RESTORE = 'HeldByRestore';

/** Ends a restore that nobody goes on with. */
export interface EndRestoreStep {
  readonly kind: 'endRestore';
  readonly restoreId: string;
  /** In the dead-letter queue. */
  readonly deadLetters: boolean;
  /** The queue stays paused, as its object wants it. */
  readonly keepsPaused: boolean;
}

/** The queue and its dead-letter queue, as far as they were read. */
export interface ObservedRestores {
  readonly policy?: ObservedPolicy | undefined;
  readonly deadLetters?: { readonly policy?: ObservedPolicy } | undefined;
}

/** Those restores that the annotation names, by the id that their mark in Redis has: another is never ended by it. */
export function planRestoreEnds(queue: Queue, { policy, deadLetters }: ObservedRestores): EndRestoreStep[] {
  const asked = queue.metadata.annotations?.[END_RESTORE_ANNOTATION];
  const marks = [policy?.restore, deadLetters?.policy?.restore];
  return marks.flatMap((mark, at): EndRestoreStep[] =>
    mark && mark.restoreId === asked ? [endOf(mark.restoreId, at === 1, queue)] : [],
  );
}

function endOf(restoreId: string, deadLetters: boolean, { spec }: Queue): EndRestoreStep {
  return { kind: 'endRestore', restoreId, deadLetters, keepsPaused: !deadLetters && spec.paused === true };
}

/** That a restore has the queue, or its dead letters, and the way out. */
export function heldByRestore(
  { policy, deadLetters }: ObservedRestores,
  done: readonly { readonly kind: string; readonly deadLetters?: boolean }[],
): Notice<QueueReason> {
  const ended = (letters: boolean): boolean =>
    done.some((step) => step.kind === 'endRestore' && step.deadLetters === letters);
  const own = ended(false) ? undefined : policy?.restore;
  const ofLetters = ended(true) ? undefined : deadLetters?.policy?.restore;
  const mark = own ?? ofLetters;
  if (!mark) return undefined;
  return {
    reason: 'HeldByRestore',
    message: describe(mark, own === undefined ? 'the dead-letter queue' : 'the queue'),
  };
}

function describe({ restoreId, phase }: RestoreMark, place: string): string {
  const [is, duties] =
    phase === 'held'
      ? ['holds', 'its job schedulers wait']
      : ['is at', 'dead letters, retention and priorities are not seen to'];
  return `restore ${restoreId} ${is} ${place}, which is paused until it ends; ${duties}. Its QueueRestore has that uid, and says how far it is; where that is gone or has failed, annotate the Queue with ${END_RESTORE_ANNOTATION}=${restoreId}: what has its jobs is resumed, and what has not is removed`;
}
