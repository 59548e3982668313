import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runScript } from '../redis/scripts.ts';
import { untilAborted } from './until-aborted.ts';
import { RESTORE_FIELD } from '../ownership/restore-mark.ts';

/** Jobs removed per call: about 2.8 ms of Redis' time. */
const JOBS_PER_CALL = 500;

export interface RemovalOptions {
  readonly signal: AbortSignal;
  /** Called before each step; what it throws ends the removal. */
  readonly beforeStep?: () => void;
}

/**
 * Removes everything that a restore begun with `scratch` has written, however far it came, in bounded steps. It finds all
 * of it by what the restore has noted, and scans nothing. Idempotent: it may end anywhere and be called again.
 *
 * @returns `done`; `gone` when no such restore has begun, or nothing of it is left; `other` when these keys are of another
 * restore.
 * @throws what `beforeStep` throws; the reason of the signal; what ioredis throws, see `classifyRedisError`.
 */
export async function removeScratch(
  redis: Redis,
  target: QueueRef,
  restoreId: string,
  { signal, beforeStep }: RemovalOptions,
): Promise<'done' | 'gone' | 'other'> {
  const [keys, args] = [[queueKey(target, 'meta')], [RESTORE_FIELD, restoreId, JOBS_PER_CALL]];
  for (;;) {
    beforeStep?.();
    // oxlint-disable-next-line no-await-in-loop -- each answer says whether there is more
    const outcome = await untilAborted(signal, runScript(redis, 'removeScratch', keys, args));
    if (outcome === 'done' || outcome === 'gone' || outcome === 'other') return outcome;
    if (outcome !== 'more') throw new UnexpectedReplyError('the removal of a scratch restore');
  }
}
