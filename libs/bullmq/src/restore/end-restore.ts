import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runScript } from '../redis/scripts.ts';
import { abandonRestore, type EndOptions } from './abandon-restore.ts';
import { completeRestore } from './complete-restore.ts';
import { RESTORE_FIELD } from '../ownership/restore-mark.ts';
import { readRestorePhase } from './restore-phase.ts';

/**
 * - `resumed`, `paused`: all of its jobs are in their places, and so are its job schedulers; see `completeRestore`.
 * - `removed`: it had put nothing in its place, and nothing of it is left.
 * - `more`: call again.
 * - `gone`: there is no such restore.
 */
export type RestoreEnd = 'resumed' | 'paused' | 'removed' | 'more' | 'gone';

/** Jobs that one call puts in their places: about 3.5 ms of Redis' time. */
const PLACED_PER_CALL = 1_000;

class OutOfTime extends Error {}

/**
 * Ends a restore that nobody goes on with, however far it came: what has begun to show itself is finished, and the queue
 * resumed, unless it was paused or is to be; what has not is removed. Nothing is compared. A restore that somebody does go on with loses the queue by it,
 * as when another writer takes over. Idempotent.
 *
 * @param goesOn asked before each step, of a few ms; false: the rest is left for another call.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function endRestore(
  redis: Redis,
  target: QueueRef,
  restoreId: string,
  { goesOn, keepsPaused }: { readonly goesOn: () => boolean } & Pick<EndOptions, 'keepsPaused'>,
): Promise<RestoreEnd> {
  const beforeStep = (): void => {
    if (!goesOn()) throw new OutOfTime();
  };
  try {
    const phase = await readRestorePhase(redis, target, restoreId);
    if (phase === undefined || phase === 'removing') return 'gone';
    if (phase === 'filling') {
      const outcome = await abandonRestore(redis, target, restoreId, { beforeStep, keepsPaused });
      return outcome === 'done' ? 'removed' : outcome === 'gone' ? 'gone' : 'more';
    }
    if (phase === 'placing' && !(await placeRest(redis, target, restoreId, beforeStep))) return 'more';
    const { outcome } = await completeRestore(redis, target, restoreId, { resume: true, beforeStep, keepsPaused });
    return outcome === 'held' ? 'more' : outcome;
  } catch (error) {
    if (error instanceof OutOfTime) return 'more';
    throw error;
  }
}

/** @returns false when another writer has taken over meanwhile. */
async function placeRest(redis: Redis, target: QueueRef, restoreId: string, beforeStep: () => void): Promise<boolean> {
  const keys = [queueKey(target, 'meta')];
  const opened = await runScript(redis, 'openRestore', keys, [RESTORE_FIELD, restoreId]);
  const [writer] = Array.isArray(opened) ? (opened as unknown[]) : [];
  if (typeof writer !== 'string') return false;
  for (;;) {
    beforeStep();
    // oxlint-disable-next-line no-await-in-loop -- each answer says whether there is more
    const reply = await runScript(redis, 'placeRestored', keys, [RESTORE_FIELD, restoreId, writer, PLACED_PER_CALL]);
    const [outcome] = Array.isArray(reply) ? (reply as unknown[]) : [];
    if (outcome === 'done') return true;
    if (outcome === 'lost') return false;
    if (outcome !== 'more') throw new UnexpectedReplyError('the outcome of a restore');
  }
}
