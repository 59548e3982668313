import { END_RESTORE_ANNOTATION, type Queue, type QueueReason } from '@redis-queue/api';
import { deadLetterQueue, type ObservedPolicy, type RestoreMark } from '@redis-queue/bullmq';
import type { Notice } from '@redis-queue/controller';
import { queueRef } from '@redis-queue/redis-access';

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

/** Whether the dead letters have to be read for it, also where the spec has none: a restore writes them all the same. */
export function asksForLetters({ metadata }: Queue, { restore }: Pick<ObservedPolicy, 'restore'>): boolean {
  return restore !== undefined || metadata.annotations?.[END_RESTORE_ANNOTATION] !== undefined;
}

/** What became of the plan, as far as it is about restores. */
export interface EndedRestores {
  readonly done: readonly { readonly kind: string; readonly deadLetters?: boolean }[];
  /** Whether this Queue writes there at all. */
  readonly governs: boolean;
}

/** That a restore has the queue, or its dead letters, and the way out. */
export function heldByRestore(
  queue: Queue,
  { policy, deadLetters }: ObservedRestores,
  { done, governs }: EndedRestores,
): Notice<QueueReason> {
  const ended = (letters: boolean): boolean =>
    done.some((step) => step.kind === 'endRestore' && step.deadLetters === letters);
  const own = ended(false) ? undefined : policy?.restore;
  const ofLetters = ended(true) ? undefined : deadLetters?.policy?.restore;
  const mark = own ?? ofLetters;
  if (!mark) return undefined;
  const isIn = (of: RestoreMark | undefined): boolean => of?.restoreId === mark.restoreId && of.phase === mark.phase;
  const ref = queueRef(queue);
  const places = [
    ...(isIn(own) ? [`queue ${ref.name}`] : []),
    ...(isIn(ofLetters) ? [`${own ? 'its ' : ''}dead-letter queue ${deadLetterQueue(ref).name}`] : []),
  ];
  const wasResumed = own ? done.some(({ kind }) => kind === 'resume') : false;
  const isPaused = !wasResumed && (own ? policy : deadLetters?.policy)?.paused === true;
  const wayOut = `${wayOutOf(queue, governs)} with ${END_RESTORE_ANNOTATION}=${mark.restoreId}: what has its jobs is resumed, and what has not is removed`;
  return {
    reason: 'HeldByRestore',
    message: `${describe(mark, places, isPaused)}. Its QueueRestore has that uid, and says how far it is; where that is gone or has failed, ${wayOut}`,
  };
}

/** Who only observes, or is not the owner, ends nothing. */
function wayOutOf({ spec }: Queue, governs: boolean): string {
  if (spec.adoptionPolicy === 'Observe') return 'set spec.adoptionPolicy to Adopt and annotate the Queue';
  return governs ? 'annotate the Queue' : 'annotate the Queue that governs it';
}

function describe({ restoreId, phase }: RestoreMark, places: readonly string[], isPaused: boolean): string {
  const place = places.join(' and ');
  const until = `which ${places.length > 1 ? 'are' : 'is'} paused until it ends`;
  if (phase !== 'held')
    return `restore ${restoreId} is at ${place}, ${until}; dead letters, retention and priorities are not seen to`;
  return isPaused
    ? `restore ${restoreId} holds ${place}, ${until}; its job schedulers wait`
    : `restore ${restoreId} holds ${place}, which was resumed by another way: its jobs run, and its job schedulers wait until it ends`;
}
