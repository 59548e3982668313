import type { Redis } from 'ioredis';
import { redisOptionsFromEnvironment, type RedisEnvironment } from './redis-env.ts';
import { openRedis } from '../redis/open-redis.ts';

/** A handler has no second try of its own: a command outlasts a failover, which takes some 20 s, several times. */
const MAX_REDIRECTIONS = 600;

/**
 * A connection of your own to the Redis of the pool, for what handlers keep there: to a single server, to whichever
 * server is the primary behind Sentinels, or to all nodes of a Redis Cluster. Its commands wait for Redis to come back
 * (while one node of a Cluster is gone, about a minute); what blocks (BLPOP) needs a `duplicate()` of it. Errors of the connection are those that the pod logs of its own.
 *
 * @throws Error that names the variable to set.
 */
export function connectRedis(env: RedisEnvironment = process.env): Redis {
  const redis = openRedis(redisOptionsFromEnvironment(env), [], MAX_REDIRECTIONS);
  redis.on('error', () => undefined);
  return redis;
}
