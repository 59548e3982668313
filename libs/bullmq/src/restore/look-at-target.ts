import type { Redis } from 'ioredis';
import { SCHEDULERS_FIELD } from '../job-schedulers/definition.ts';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';
import { occupantOf, type Occupant } from './occupant.ts';
import { RESTORE_FIELD } from '../ownership/restore-mark.ts';

export type TargetState =
  | { readonly outcome: 'free' }
  /** This restore has begun there. */
  | { readonly outcome: 'continued' }
  | { readonly outcome: 'denied'; readonly command: string }
  | ({ readonly outcome: 'occupied' } & Occupant);

/**
 * Whether a restore could begin in a queue: that it is empty, and that whoever asks may write what a restore writes. Reads
 * only; `beginRestore` looks again in the step in which it takes the queue.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function lookAtTarget(redis: Redis, target: QueueRef, restoreId: string): Promise<TargetState> {
  const args = [RESTORE_FIELD, restoreId, SCHEDULERS_FIELD];
  const reply = await runReadScript(redis, 'lookAtTarget', [queueKey(target, 'meta')], args);
  const [outcome, first, second] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (outcome === 'free' || outcome === 'continued') return { outcome };
  if (outcome === 'denied') return { outcome, command: String(first) };
  if (outcome !== 'occupied') throw new UnexpectedReplyError('the target of a restore');
  return { outcome, ...occupantOf(first, second) };
}
