import type { RedisOptions } from 'ioredis';
import { redisOptions } from './open-redis.ts';
import { DISCONNECT_TIMEOUT_MS } from './silence.ts';
import type { RedisTarget } from './target.ts';

/** The channel on which Redis reports changed keys to who tracks them (CLIENT TRACKING, RESP2 with REDIRECT). */
export const INVALIDATIONS = '__redis__:invalidate';

/**
 * Of a connection that tracks keys, or hears of them: what it was set to is gone with it, so commands of an old one must
 * not run on the next, and nothing waits for it.
 */
export function trackingOptions(target: RedisTarget): RedisOptions {
  return {
    ...redisOptions(target),
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: 5_000,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  };
}
