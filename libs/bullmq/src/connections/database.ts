import type { Redis } from 'ioredis';

/** What is not in ioredis' types. */
interface RedisInternals {
  /** Counts the attempts to connect. */
  readonly connectionEpoch: number;
  /** Whether what it is connected to will do; asked before the connection is ready. */
  readonly connector: { check: (info: unknown) => boolean };
  /** What ioredis does when a password is refused. */
  recoverFromFatalError(commandError: Error, error: Error): void;
  /** Rejects all commands that wait. */
  flushQueue(error: Error, ...more: unknown[]): void;
}

/**
 * Has a connection whose database Redis refuses fail as one with a wrong password does: what waits is rejected with the
 * refusal, and it is tried again later. ioredis itself only reports the refusal, and goes on in database 0, whose keys
 * may be somebody else's. Holds for duplicates too; a `select` on a connection that is ready only rejects.
 *
 * @param redis not of a Redis Cluster, which has one database.
 */
export function requireDatabase(redis: Redis): void {
  const internals = redis as unknown as RedisInternals;
  const { connector } = internals;
  let refused: { attempt: number; error: Error } | undefined;
  const isRefused = (): boolean => refused?.attempt === internals.connectionEpoch;
  const check = connector.check.bind(connector);
  connector.check = (info) => !isRefused() && check(info);
  const flush = internals.flushQueue.bind(redis);
  // What is asked for until the connection has ended would be told of retries only.
  internals.flushQueue = (error, ...more) => flush(isRefused() ? refused!.error : error, ...more);
  const select = redis.select.bind(redis);
  const selectOrFail = async (...args: Parameters<Redis['select']>): Promise<'OK'> => {
    const attempt = internals.connectionEpoch;
    try {
      return await select(...args);
    } catch (error) {
      if (redis.status !== 'connect' || attempt !== internals.connectionEpoch) throw error;
      refused = { attempt, error: error as Error };
      internals.recoverFromFatalError(refused.error, refused.error);
      // Never settles: who waits for it would take the connection for ready.
      return await new Promise(() => undefined);
    }
  };
  const duplicate = redis.duplicate.bind(redis);
  Object.assign(redis, {
    select: selectOrFail,
    duplicate: (...args: Parameters<Redis['duplicate']>) => {
      const copy = duplicate(...args);
      requireDatabase(copy);
      return copy;
    },
  });
}
