import { startRedisCluster, startRedisSentinel, type RedisServer } from '@redis-queue/rig';
import { connectRedis } from '@redis-queue/worker';
import type { Redis } from 'ioredis';

/** Where the queues of a stand are. */
export type RedisPlace = (typeof REDIS_PLACES)[number];
export const REDIS_PLACES = ['server', 'sentinel', 'cluster'] as const;

export interface QueuesRedis extends AsyncDisposable {
  /** The Secret that leads there. */
  readonly secret: Readonly<Record<string, string>>;
  /** Of all queues. */
  readonly prefix: string;
  /** A connection of the bench's own. */
  connect(): Redis;
}

const PASSWORD = 'bench';

/** Starts Sentinels with their servers, or a Redis Cluster; one server is there already, and is not ended. */
export async function startQueuesRedis(place: RedisPlace, server: RedisServer): Promise<QueuesRedis> {
  if (place === 'server') {
    return queuesIn({ 'redis-url': server.url }, { [Symbol.asyncDispose]: () => Promise.resolve() });
  }
  if (place === 'sentinel') {
    const group = await startRedisSentinel({ password: PASSWORD });
    const { sentinel, masterName } = group;
    const secret = {
      'redis-sentinels': `${sentinel.host}:${sentinel.port}`,
      'redis-sentinel-master-name': masterName,
      'redis-password': PASSWORD,
    };
    return queuesIn(secret, group);
  }
  const cluster = await startRedisCluster(3, { password: PASSWORD });
  const { host, port } = cluster.address;
  const address = { 'redis-host': host, 'redis-port': String(port), 'redis-cluster': 'true' };
  return queuesIn({ ...address, 'redis-password': PASSWORD }, cluster, '{bull}');
}

function queuesIn(secret: Record<string, string>, servers: AsyncDisposable, prefix = 'bull'): QueuesRedis {
  // As a pod gets them.
  const variables = Object.entries(secret).map(([key, text]) => [key.toUpperCase().replaceAll('-', '_'), text]);
  return {
    secret,
    prefix,
    connect: () => connectRedis(Object.fromEntries(variables) as Record<string, string>),
    [Symbol.asyncDispose]: () => Promise.resolve(servers[Symbol.asyncDispose]()),
  };
}
