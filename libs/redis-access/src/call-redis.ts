import type { RedisConnections, RedisTarget } from '@redis-queue/bullmq';
import type { CircuitBreakers } from './circuit-breaker.ts';

/** What calls to Redis go through. */
export interface RedisClients {
  readonly connections: RedisConnections;
  readonly breakers: CircuitBreakers;
}

/** How to reach a Redis, and for whom. */
export interface RedisCall {
  readonly target: RedisTarget;
  readonly targetKey: string;
  /** Whose share of connections the call counts for. */
  readonly namespace: string;
}

type Redis = ReturnType<RedisConnections['get']>;

/**
 * Calls a Redis through its circuit breaker, over a connection of the namespace's share.
 *
 * @param call gets a signal that aborts at the deadline; it is not waited for beyond that.
 * @throws CircuitOpenError when the Redis does not answer, now or lately; ConnectionShareError when the share is used
 * up; else what `call` throws.
 */
export async function callRedis<T>(
  { connections, breakers }: RedisClients,
  { target, targetKey, namespace }: RedisCall,
  call: (redis: Redis, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return await breakers.run(targetKey, (signal) =>
    connections.use(target, { namespace, signal }, (redis) => call(redis, signal)),
  );
}
