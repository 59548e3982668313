import {
  classifyRedisError,
  describeTarget,
  RedisConnections,
  type RedisErrorReason,
  type RedisTarget,
} from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';

export type Redis = ReturnType<RedisConnections['get']>;

/** The Redis of one run. */
export interface RunRedis {
  readonly redis: Redis;
  /** What a call threw, in words, without a credential. */
  readonly problemOf: (error: unknown) => Problem<RedisErrorReason>;
}

/**
 * Calls a Redis over a connection of the run's own: it is used for minutes, and how many runs there are is bounded. When
 * `signal` aborts it is closed, so that no call outlives the run.
 */
export async function withRedis<T>(
  target: RedisTarget,
  signal: AbortSignal,
  call: (redis: RunRedis) => Promise<T>,
): Promise<T> {
  const connections = new RedisConnections({ clientName: 'redis-queue-backup' });
  const close = (): void => connections.close();
  signal.throwIfAborted();
  signal.addEventListener('abort', close, { once: true });
  try {
    return await call({
      redis: connections.get(target),
      problemOf: (error) => {
        const { reason, message } = classifyRedisError(connections.refusal(target) ?? error);
        return { reason, message: `${describeTarget(target)}: ${message}` };
      },
    });
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}
