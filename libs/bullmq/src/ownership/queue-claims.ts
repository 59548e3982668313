import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from './owner-mark.ts';
import { runScript } from '../redis/scripts.ts';

/** The field of a queue's `meta` with the claims of those who would inherit the queue from the owner in its mark. */
export const CLAIMS_FIELD = 'redis-queue:claims';

/** How long a claim stands, so that who left it and vanished keeps nobody's data for longer. */
export const CLAIM_TTL_MS = 10 * 60_000;
/** No claim of any release stands for longer: what says so was not left by us, and is none. */
export const MAX_CLAIM_TTL_MS = 60 * 60_000;
/** Of one queue: the first that stand. What somebody wrote beyond them counts nowhere. */
export const MAX_CLAIMS = 4;
/** What is longer was not left by us. */
const MAX_TEXT = 4_096;

/** That an object would inherit the queue, and had credentials to say so in Redis. */
export interface QueueClaim {
  /** `clusterId/namespace/name`. */
  readonly owner: string;
  /** Until it expires, ms. */
  readonly leftMs: number;
  /** As it is stored: another one when it was renewed. */
  readonly stored: string;
}

/**
 * The claims that stand, of the stored text: four at most, also when what answers is no Redis and sends more, as each costs
 * a request to the API server.
 *
 * @param redisTimeMs Unix ms, by Redis' clock
 */
export function parseClaims(text: string | null | undefined, redisTimeMs: number): QueueClaim[] {
  if (!text || text.length > MAX_TEXT) return [];
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap((stored) => {
      const [, expiresMs, owner] = /^(\d+) (.+)$/s.exec(stored) ?? [];
      return owner === undefined ? [] : [{ owner, leftMs: Number(expiresMs) - redisTimeMs, stored }];
    })
    .filter(({ leftMs }) => leftMs > 0 && leftMs <= MAX_CLAIM_TTL_MS)
    .slice(0, MAX_CLAIMS);
}

/**
 * Leaves a claim of `owner` beside the mark of a queue that another governs, or renews it, for ten minutes by Redis'
 * clock: until then `obliterateRound` removes nothing. It creates no queue.
 *
 * @param expected the stored mark as read.
 * @returns `full` when others have four claims on the queue; `ownershipLost` when the mark is another one, or none.
 */
export async function leaveClaim(
  redis: Redis,
  queue: QueueRef,
  { expected, owner }: { readonly expected: string; readonly owner: string },
): Promise<'left' | 'full' | 'ownershipLost'> {
  const args = [OWNER_FIELD, expected, CLAIMS_FIELD, owner, CLAIM_TTL_MS, MAX_CLAIMS, MAX_CLAIM_TTL_MS];
  return (await runScript(redis, 'leaveClaim', [queueKey(queue, 'meta')], args)) as 'left' | 'full' | 'ownershipLost';
}
