import type { QueueRef } from '../redis/keys.ts';
import { runScript } from '../redis/scripts.ts';
import { fenceArguments, parseOutcome, type DeadLetterFence } from './dead-letter-fence.ts';
import type { RedisCall, Refusal } from '../rounds/step.ts';
import { metaKeys } from './dead-letter-queue.ts';

export interface ExpiryRound {
  readonly removed: number;
  /** Jobs of the dead-letter queue that somebody else put there, with those passed over before; they are kept. */
  readonly foreign: number;
  /** There may be more to remove. */
  readonly more: boolean;
  readonly refusal?: Refusal;
}

export interface ExpiryOptions {
  readonly keepMs: number;
  readonly fence: DeadLetterFence;
  readonly passedOver?: number;
  readonly calls?: number;
}

/** Per script call: about 2 ms of Redis' time. */
const LETTERS_PER_CALL = 100;

/**
 * Removes dead letters whose finishedOn is longer ago than they are to be kept, oldest first, in script calls of 100.
 *
 * @param options.keepMs how long they are kept.
 * @param options.passedOver the `foreign` of the round that this one goes on after. Default 0: from the oldest letter.
 * @param options.calls most script calls of this round. Default 20.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function removeExpiredLetters(
  call: RedisCall,
  queue: QueueRef,
  { keepMs, fence, passedOver: before = 0, calls = 20 }: ExpiryOptions,
): Promise<ExpiryRound> {
  let [removed, foreign, more] = [0, before, true];
  for (let made = 0; made < calls && more; made++) {
    const args = [...fenceArguments(fence), keepMs, foreign, LETTERS_PER_CALL];
    const reply = await call((redis) => runScript(redis, 'expireDeadLetters', metaKeys(queue), args));
    const outcome = parseOutcome(reply, 3);
    if (typeof outcome === 'string') return { removed, foreign, more: false, refusal: outcome };
    const [now, passedOver, again] = outcome[0] as [number, number, number];
    removed += now;
    foreign += passedOver;
    more = again === 1;
  }
  return { removed, foreign, more };
}
