import { eventually } from '../waiting/eventually.ts';
import { ask } from './ask.ts';
import { startRedis, type RedisServer } from './redis.ts';

/** Redis servers that are one Cluster, all masters, with the slots shared evenly. */
export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
}

const SLOTS = 16_384;

/** Starts a real Redis Cluster of masters on loopback and waits until every node calls it complete. */
export async function startRedisCluster(size = 3): Promise<RedisCluster> {
  const nodes = await Promise.all(
    Array.from({ length: size }, () =>
      startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000'] }),
    ),
  );
  const [first] = nodes;
  for (const [index, node] of nodes.entries()) {
    const [from, to] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / size));
    await ask(node, `CLUSTER ADDSLOTSRANGE ${from} ${to! - 1}`);
    // Each node gets an epoch of its own, because nodes that start with the same one have to resolve the conflict
    // first.
    await ask(node, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`);
    if (node !== first) await ask(node, `CLUSTER MEET ${first!.host} ${first!.port}`);
  }
  await eventually(
    async () => {
      const infos = await Promise.all(nodes.map((node) => ask(node, 'CLUSTER INFO')));
      return infos.every((info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${size}`));
    },
    { timeoutMs: 60_000, description: 'the Redis Cluster to be complete' },
  );
  return {
    nodes,
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}
