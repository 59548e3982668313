import { eventually } from '../waiting/eventually.ts';
import { ask } from './ask.ts';
import { isFollowed } from './replication.ts';
import { freePort } from '../processes/free-port.ts';
import { startRedis, type RedisServer } from './redis.ts';
import { tlsLines, type ServerTls } from './server-tls.ts';

export interface RedisClusterOptions {
  /** Of every node, also between them. */
  password?: string;
  /** Each master has a replica, which takes over when it is gone for `nodeTimeoutMs`. */
  replicas?: boolean;
  /** What was written survives `kill9` and `restart` of a node. */
  persistent?: boolean;
  /** After how long without an answer a node counts as gone; default 5 s. */
  nodeTimeoutMs?: number;
  /** Clients and nodes speak TLS; plain TCP stays open for this rig. */
  tls?: ServerTls;
}

/** A master of a Redis Cluster, and its replica where there is one. */
export interface RedisShard {
  /** The master at first. */
  readonly primary: RedisServer;
  readonly replica?: RedisServer;
}

/** Redis servers that are one Cluster, with the slots shared evenly. */
export interface RedisCluster extends AsyncDisposable {
  /** The masters at first. */
  readonly nodes: readonly RedisServer[];
  /** Where clients connect: one of the masters, by TLS where it was asked for. */
  readonly address: { readonly host: '127.0.0.1'; readonly port: number };
  readonly shards: readonly RedisShard[];
  /** The master and the replica that have the key at first. */
  shardOf(key: string): Promise<RedisShard>;
}

const SLOTS = 16_384;

/** Starts a real Redis Cluster on loopback and waits until every node calls it complete. */
export async function startRedisCluster(size = 3, options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { replicas: hasReplicas = false, password } = options;
  const stack = new AsyncDisposableStack();
  const start = async (): Promise<Node> => {
    const node = await startNode(options);
    stack.use(node.server);
    return node;
  };
  try {
    const started = await Promise.all(Array.from({ length: hasReplicas ? 2 * size : size }, start));
    const [masters, replicas] = [started.slice(0, size), started.slice(size)];
    const tell = ({ server }: Node, command: string): Promise<string> => askAs(server, password, command);
    const [first] = masters as [Node];
    for (const [index, node] of started.entries()) {
      // Each node gets an epoch of its own, because nodes that start with the same one have to resolve the conflict
      // first.
      await tell(node, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`);
      const [from, to] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / size));
      if (index < size) await tell(node, `CLUSTER ADDSLOTSRANGE ${from} ${to! - 1}`);
      const { server, ports } = first;
      if (node !== first) await tell(node, `CLUSTER MEET ${server.host} ${ports.tls ?? server.port} ${ports.bus}`);
    }
    await eventually(
      async () => {
        const infos = await Promise.all(started.map((node) => tell(node, 'CLUSTER INFO')));
        const known = `cluster_known_nodes:${started.length}`;
        return infos.every((info) => info.includes('cluster_state:ok') && info.includes(known));
      },
      { timeoutMs: 60_000, description: 'the Redis Cluster to be complete' },
    );
    const shards = masters.map(({ server: primary }, index) => {
      const replica = replicas[index]?.server;
      return { primary, ...(replica && { replica }) };
    });
    for (const [index, replica] of replicas.entries()) {
      const id = /[0-9a-f]{40}/.exec(await tell(masters[index]!, 'CLUSTER MYID'))?.[0];
      await tell(replica, `CLUSTER REPLICATE ${id}`);
    }
    await eventually(
      async () => {
        const infos = await Promise.all(
          masters.slice(0, replicas.length).map((node) => tell(node, 'INFO replication')),
        );
        return infos.every(isFollowed);
      },
      { timeoutMs: 60_000, description: 'the replicas to follow' },
    );
    const owned = stack.move();
    return {
      nodes: masters.map(({ server }) => server),
      address: { host: '127.0.0.1', port: first.ports.tls ?? first.server.port },
      shards,
      shardOf: async (key) => {
        const slot = Number(/:(\d+)/.exec(await tell(first, `CLUSTER KEYSLOT ${key}`))?.[1]);
        return shards[Math.floor((slot * size) / SLOTS)]!;
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

interface Ports {
  /** Of the Cluster bus: the default, 10,000 more than that of clients, may be none. */
  readonly bus: number;
  readonly tls?: number;
}

interface Node {
  readonly server: RedisServer;
  readonly ports: Ports;
}

const ATTEMPTS = 5;

async function startNode(options: RedisClusterOptions): Promise<Node> {
  const { password } = options;
  for (let attempt = 1; ; attempt++) {
    const [port, bus, tls] = await Promise.all([freePort(), freePort(), freePort()]);
    const ports = { bus, ...(options.tls && { tls }) };
    try {
      const login = password === undefined ? {} : { password };
      return { server: await startRedis({ port, ...login, args: argumentsOf(options, ports) }), ports };
    } catch (error) {
      // Another process may have taken one of the three since.
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

function argumentsOf(options: RedisClusterOptions, ports: Ports): string[] {
  const { password, persistent = false, nodeTimeoutMs = 5_000, tls } = options;
  const lines = [
    'cluster-enabled yes',
    `cluster-node-timeout ${nodeTimeoutMs}`,
    `cluster-port ${ports.bus}`,
    // Whatever its replica has of a master that is gone, it takes over.
    'cluster-replica-validity-factor 0',
    'repl-diskless-sync-delay 0',
    ...(persistent ? ['appendonly yes', 'appendfsync always'] : []),
    ...(password === undefined ? [] : [`masterauth ${password}`]),
    ...(tls && ports.tls !== undefined ? [...tlsLines(tls, ports.tls), 'tls-cluster yes'] : []),
  ];
  return lines.flatMap((line) => `--${line}`.split(' '));
}

function askAs(server: RedisServer, password: string | undefined, command: string): Promise<string> {
  return ask(server, `${password === undefined ? '' : `AUTH ${password}\r\n`}${command}`);
}
