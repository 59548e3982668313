import type { Governor } from '../ownership/governor.ts';
import type { Redis } from 'ioredis';
import { SCHEDULERS_FIELD } from '../job-schedulers/definition.ts';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { timeOf, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript, runScript } from '../redis/scripts.ts';
import { occupantOf, type Occupant } from './occupant.ts';
import { checkRestoreId, RESTORE_FIELD, RESTORED_FIELD, type RestorePhase } from '../ownership/restore-mark.ts';

export type RestoreStart =
  | { readonly outcome: 'begun' }
  /** This restore began it earlier. */
  | { readonly outcome: 'continued'; readonly partsDone: number; readonly phase: RestorePhase }
  /** Nothing was written: this restore was completed here before, and workers have had its jobs since. */
  | { readonly outcome: 'restored' }
  /** Nothing was written. */
  | ({ readonly outcome: 'occupied' } & Occupant)
  /** Nothing was written: the owner mark names another Queue object, or cannot be read. */
  | { readonly outcome: 'governed'; readonly owner: string | undefined };

export interface BeginOptions {
  /** All of it is to be removed again, by `removeScratch`; keys of which are noted as they are written. Default false. */
  readonly scratch?: boolean;
  /** For so many ms after now, by Redis' clock, it may begin: a call may wait in the buffers of a Redis that hangs. Absent: for ever. */
  readonly withinMs?: number;
  /** Absent: whoever governs the queue. */
  readonly governor?: Governor | undefined;
}

/**
 * Takes a queue for a restore, in one step with the check that there is no job and no job scheduler in it: marks and
 * pauses it. Job schedulers that its Queue object has declared may be there, and stay. Producers may go on adding jobs;
 * they come after those of the backup. Idempotent, also after its
 * end: a restore that was completed is not begun again, by the receipt of it in `meta`.
 *
 * @param restoreId without spaces; the same one goes on where an earlier process stopped.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function beginRestore(
  redis: Redis,
  target: QueueRef,
  restoreId: string,
  { scratch = false, withinMs, governor }: BeginOptions = {},
): Promise<RestoreStart> {
  checkRestoreId(restoreId);
  const untilMs = withinMs === undefined ? 0 : (await redisTimeMs(redis, target)) + withinMs;
  const reply = await runScript(
    redis,
    'beginRestore',
    [queueKey(target, 'meta')],
    [
      RESTORE_FIELD,
      restoreId,
      SCHEDULERS_FIELD,
      scratch ? 'scratch' : '',
      untilMs,
      governor?.markField ?? '',
      governor?.name ?? '',
      RESTORED_FIELD,
    ],
  );
  const [outcome, first, second] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (outcome === 'late') throw new Error(`Redis took longer than ${withinMs} ms to begin restore ${restoreId}`);
  if (outcome === 'governed') return { outcome, owner: String(first) || undefined };
  if (outcome === 'begun' || outcome === 'restored') return { outcome };
  if (outcome === 'continued') return { outcome, partsDone: Number(first), phase: second as RestorePhase };
  if (outcome !== 'occupied') throw new UnexpectedReplyError('the start of a restore');
  return { outcome, ...occupantOf(first, second) };
}

async function redisTimeMs(redis: Redis, target: QueueRef): Promise<number> {
  const microseconds = await runReadScript(redis, 'redisTime', [queueKey(target, 'meta')], []);
  return Math.floor(timeOf(Number(microseconds) / 1_000));
}
