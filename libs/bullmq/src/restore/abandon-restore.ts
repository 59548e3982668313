import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runScript } from '../redis/scripts.ts';
import { RESTORE_FIELD, type RestorePhase } from '../ownership/restore-mark.ts';

/** How whoever calls stops what takes several steps. */
export interface StepOptions {
  /** Called before each step; what it throws ends the call, which may be repeated. */
  readonly beforeStep?: (() => void) | undefined;
}

/** What becomes of the queue when a restore of it ends. */
export interface EndOptions extends StepOptions {
  /**
   * Asked before each step: somebody wants the queue paused now, whatever it was before. Absent: it is resumed, unless it
   * was paused.
   */
  readonly keepsPaused?: (() => boolean) | undefined;
}

/** Jobs removed per call: about 2 ms of Redis' time. */
const JOBS_PER_CALL = 500;

/**
 * Gives up a restore that has put nothing in its place: removes what it has written, and its mark, so that the queue is as
 * it was before, or paused where that is asked for. Idempotent. A job whose index entry was not written yet is not found, and stays without being named by
 * anything, until a restore that has it writes it again or the key is deleted.
 *
 * @returns the phase of a restore that has begun to put jobs in their places, which only goes on; `gone` when there is no
 * such restore.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function abandonRestore(
  redis: Redis,
  target: QueueRef,
  restoreId: string,
  { beforeStep, keepsPaused }: EndOptions = {},
): Promise<'done' | 'gone' | Exclude<RestorePhase, 'filling'>> {
  for (;;) {
    beforeStep?.();
    const args = [RESTORE_FIELD, restoreId, JOBS_PER_CALL, keepsPaused?.() ? 'pause' : ''];
    // oxlint-disable-next-line no-await-in-loop -- each answer says whether there is more
    const outcome = await runScript(redis, 'abandonRestore', [queueKey(target, 'meta')], args);
    if (outcome === 'done' || outcome === 'gone' || outcome === 'placing' || outcome === 'placed' || outcome === 'held')
      return outcome;
    if (outcome !== 'more') throw new UnexpectedReplyError('the end of a restore');
  }
}
