import { startRedisCluster, startRedisSentinel, type RedisServer } from '@redis-queue/rig';

/** How soon the servers take a primary for gone; the default of Sentinel is 30 s, of a Cluster 15 s. */
const SENTINEL_DOWN_AFTER_MS = 300;
const CLUSTER_NODE_TIMEOUT_MS = 2_000;

/** Redis servers one of which takes over when another is gone. */
export interface FailoverGroup extends AsyncDisposable {
  /** Variables of the pod contract that lead there. */
  readonly env: Readonly<Record<string, string>>;
  /** Two queues: the first lies on the server that is struck, in a Cluster the second on another. */
  readonly queues: readonly [string, string];
  /** The server that is struck, and the one that takes over. */
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly detectionMs: number;
}

export type FailoverKind = 'sentinel' | 'cluster';

export function startGroup(kind: FailoverKind): Promise<FailoverGroup> {
  return kind === 'sentinel' ? startSentinel() : startCluster();
}

async function startSentinel(): Promise<FailoverGroup> {
  const group = await startRedisSentinel({ password: 'of-servers', sentinelPassword: 'of-sentinels' });
  const { sentinel, masterName, primary, replica } = group;
  return {
    env: {
      REDIS_SENTINELS: `${sentinel.host}:${sentinel.port}`,
      REDIS_SENTINEL_MASTER_NAME: masterName,
      REDIS_PASSWORD: 'of-servers',
      REDIS_SENTINEL_PASSWORD: 'of-sentinels',
    },
    queues: ['{a}', '{b}'],
    primary,
    replica,
    detectionMs: SENTINEL_DOWN_AFTER_MS,
    [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
  };
}

async function startCluster(): Promise<FailoverGroup> {
  const cluster = await startRedisCluster(3, {
    password: 'of-servers',
    replicas: true,
    nodeTimeoutMs: CLUSTER_NODE_TIMEOUT_MS,
  });
  // Clients begin at a node that stays.
  const [staying, struck] = cluster.shards;
  const queueOn = async (shard: typeof struck): Promise<string> => {
    for (let n = 0; ; n++) {
      const name = `{q${n}}`;
      if ((await cluster.shardOf(name)) === shard) return name;
    }
  };
  const { host, port } = cluster.address;
  return {
    env: { REDIS_HOST: host, REDIS_PORT: String(port), REDIS_CLUSTER: 'true', REDIS_PASSWORD: 'of-servers' },
    queues: [await queueOn(struck), await queueOn(staying)],
    primary: struck!.primary,
    replica: struck!.replica!,
    detectionMs: CLUSTER_NODE_TIMEOUT_MS,
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}
