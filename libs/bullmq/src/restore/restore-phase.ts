import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { exec } from './settle-flows.ts';
import { RESTORE_FIELD, type RestorePhase } from '../ownership/restore-mark.ts';

/**
 * How far a restore is with a queue: its phase, or `removing` while all of a scratch restore is being removed; undefined:
 * it has not begun there. Reads only.
 */
export async function readRestorePhase(
  redis: Redis,
  target: QueueRef,
  restoreId: string,
): Promise<RestorePhase | 'removing' | undefined> {
  const [mark, scratch] = await exec(redis, [
    ['hget', queueKey(target, 'meta'), RESTORE_FIELD],
    ['hget', queueKey(target, 'restore:state'), 'scratch'],
  ]);
  if (typeof mark !== 'string') return scratch === restoreId ? 'removing' : undefined;
  const [id, , phase] = mark.split(' ');
  return id === restoreId ? (phase as RestorePhase) : undefined;
}
