import type { Redis } from 'ioredis';

/** What is not in ioredis' types. */
interface RedisInternals {
  /** Counts the attempts to connect. */
  readonly connectionEpoch: number;
  /** Whether what it is connected to will do; asked before the connection is ready. */
  readonly connector: { check: (info: unknown) => boolean };
  /** Emits 'error', or prints it where nobody listens. */
  silentEmit(event: 'error', error: unknown): void;
}

/**
 * Has an attempt to connect fail when Redis refuses the database: it is tried again, and what waits goes on waiting.
 * ioredis itself only reports the refusal, and goes on in database 0, where jobs of somebody else may wait. Holds for
 * duplicates too; a `select` on a connection that is ready only rejects.
 *
 * libs/bullmq has the like for controllers; this package depends on none of their libraries.
 *
 * @param redis not of a Redis Cluster, which has one database.
 */
export function requireDatabase(redis: Redis): void {
  const internals = redis as unknown as RedisInternals;
  const { connector } = internals;
  let refused: number | undefined;
  const check = connector.check.bind(connector);
  // ioredis 5 has asked this question when the refusal arrives.
  connector.check = (info) => refused !== internals.connectionEpoch && check(info);
  const select = redis.select.bind(redis);
  const selectOrFail = async (...args: Parameters<Redis['select']>): Promise<'OK'> => {
    const attempt = internals.connectionEpoch;
    try {
      return await select(...args);
    } catch (error) {
      if (redis.status !== 'connect' || attempt !== internals.connectionEpoch) throw error;
      refused = attempt;
      internals.silentEmit('error', error);
      redis.disconnect(true);
      // Never settles: ioredis 6 would take the connection for ready.
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
