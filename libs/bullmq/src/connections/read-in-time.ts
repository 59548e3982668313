import type { Redis } from 'ioredis';
import type { ConnectionUse, RedisConnections } from './connections.ts';
import type { RedisTarget } from './target.ts';

/**
 * Reads over the shared connection to `target`, in the share of the namespace, for at most `timeoutMs`, whatever hangs in the client. The client of a
 * Redis Cluster is dropped then: while no node can be reached it holds each command for ever, and more with each try.
 *
 * @throws what `read` and `RedisConnections.use` throw, or an error that `classifyRedisError` takes for a Redis that cannot be reached, or for
 * what a node of the Cluster refused.
 */
export async function readInTime<T>(
  connections: RedisConnections,
  target: RedisTarget,
  { namespace, timeoutMs }: Pick<ConnectionUse, 'namespace'> & { readonly timeoutMs: number },
  read: (redis: Redis) => Promise<T>,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    const cause = connections.refusal(target);
    dropStuckCluster(connections, target);
    deadline.abort();
    reject(new Error('the read timed out', { cause }));
  }, timeoutMs);
  try {
    return await Promise.race([connections.use(target, { namespace, signal: deadline.signal }, read), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** After a call that was not answered in time: the client of a Redis Cluster would hold it, and all that follow. */
export function dropStuckCluster(connections: RedisConnections, target: RedisTarget): void {
  if (target.cluster === true) connections.release(target);
}
