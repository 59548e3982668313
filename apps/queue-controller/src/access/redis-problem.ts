import {
  classifyRedisError,
  describeTarget,
  dropStuckCluster,
  type RedisConnections,
  type RedisErrorReason,
  type RedisTarget,
} from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import { CircuitOpenError } from '@redis-queue/redis-access';

/**
 * What went wrong with Redis, without a credential. A connection that was refused is closed: it would retry for ever.
 * So is that of a Redis Cluster that does not answer.
 */
export function redisProblem(
  error: unknown,
  target: RedisTarget,
  connections: RedisConnections,
): Problem<RedisErrorReason> {
  if (error instanceof CircuitOpenError && error.cause === undefined) {
    dropStuckCluster(connections, target);
    const refusal = connections.refusal(target);
    if (refusal) return redisProblem(refusal, target, connections);
    return { reason: 'RedisUnreachable', message: `${describeTarget(target)}: ${error.message}` };
  }
  const { reason, message } = classifyRedisError(error instanceof CircuitOpenError ? error.cause : error);
  if (reason === 'RedisAuthFailed') connections.release(target);
  return { reason, message: `${describeTarget(target)}: ${message}` };
}
