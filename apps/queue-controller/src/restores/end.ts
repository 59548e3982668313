import type { QueueReason } from '@redis-queue/api';
import { deadLetterQueue, endRestore, type QueueRef, type RedisCall } from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import type { EndRestoreStep } from './held.ts';

/** Of the deadline of one call. */
const END_RESTORE_MS = 1_500;

/** Where the step is done. */
export interface EndPlace {
  readonly write: RedisCall;
  readonly ref: QueueRef;
  readonly now: () => Date;
}

/** Ends a restore that nobody goes on with. What takes longer than its share goes on when the queue is looked at again. */
export async function endLeftRestore(
  { restoreId, deadLetters, keepsPaused }: EndRestoreStep,
  { write, ref, now }: EndPlace,
): Promise<Problem<QueueReason> | undefined> {
  const endsAtMs = now().getTime() + END_RESTORE_MS;
  const place = deadLetters ? deadLetterQueue(ref) : ref;
  const goesOn = (): boolean => now().getTime() < endsAtMs;
  const outcome = await write((redis) =>
    endRestore(redis, place, restoreId, { goesOn, keepsPaused: () => keepsPaused }),
  );
  if (outcome !== 'more') return undefined;
  return { reason: 'EndingRestore', message: `restore ${restoreId} is being ended, as the annotation asks` };
}
