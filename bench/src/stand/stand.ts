import { APPS } from '@redis-queue/api';
import {
  APP_NAMES,
  buildBundles,
  bundleOf,
  eventually,
  startAppProcess,
  startRedis,
  type AppName,
  type AppProcess,
  type ControlPlane,
  type RedisServer,
} from '@redis-queue/rig';
import { startRig, type Rig } from '@redis-queue/rig/controllers';
import { startQueuesRedis, type QueuesRedis, type RedisPlace } from './queues-redis.ts';

/**
 * What the bundled apps run against: a real API server with the CRDs and a real Redis, all on loopback; no pods run.
 */
export interface Stand extends AsyncDisposable {
  controlPlane: ControlPlane;
  /** Of the queues. */
  redis: RedisServer;
  /** Of the bus: the same, unless it was asked for one of its own. */
  bus: RedisServer;
  /** Of the queues' Redis, as many as were asked for. */
  replicas: readonly RedisServer[];
  /** How the queues are reached. */
  queuesRedis: QueuesRedis;
  /** With a Secret `redis-credentials` that points to the Redis, or to the first of its replicas. */
  namespace: string;
  /** A Queue and a WorkerPool of this name, sized from 0 to 5, that shrinks at once. */
  applyQueueAndPool: (name: string) => Promise<void>;
  /** Starts a bundled app as its image does, with further arguments, and waits until it is ready. */
  startApp: (app: AppName, ...args: string[]) => Promise<RunningApp>;
  /** The same with another heap, MiB. */
  startAppOfHeap: (heapMib: number, app: AppName, ...args: string[]) => Promise<RunningApp>;
}

export interface StandOptions {
  /** Default true; see `ControlPlaneOptions`. */
  controllerManager?: boolean;
  /** A Redis for the bus alone, so that the other one's cost is that of its queues; default false. */
  busApart?: boolean;
  /**
   * Replicas of the queues' Redis, default 0. The apps then read from the first of them, so that what it uses beyond
   * another one is what reading costs.
   */
  replicas?: number;
  /** Where the queues are; default in the one Redis. Then `redis` is that of the bus alone. */
  place?: RedisPlace;
  /** Heap of the apps, MiB, for more objects than the default is for; default 80, as the charts have it. */
  heapMib?: number;
}

export interface RunningApp {
  name: AppName;
  process: AppProcess;
}

/** What charts/common and the Dockerfile set. */
const imageEnv = (heapMib: number) => ({
  NODE_OPTIONS: `--max-semi-space-size=1 --max-old-space-size=${heapMib}`,
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '131072',
});

/** Builds the bundles of the apps, from Nx's cache where nothing changed. */
export async function buildApps(): Promise<void> {
  await buildBundles(APP_NAMES);
}

const REDIS = { password: 'bench' };

export async function startStand(options: StandOptions = {}): Promise<Stand> {
  const { controllerManager = true, busApart = false, replicas: copies = 0, heapMib = 80 } = options;
  const { place = 'server' } = options;
  const rig = await startRig({ controllerManager, redis: REDIS, ...(busApart && { bus: REDIS }) });
  const { controlPlane, redis, bus } = rig;
  const replicas = await Promise.all(Array.from({ length: copies }, () => startReplica(redis)));
  const queuesRedis = await startQueuesRedis(place, replicas[0] ?? redis);
  const namespace = await rig.namespace('bench', queuesRedis.secret);
  return {
    controlPlane,
    redis,
    bus,
    replicas,
    queuesRedis,
    namespace,
    applyQueueAndPool: async (name) => {
      const metadata = { name, namespace };
      const behavior = { scaleDown: { stabilizationWindowSeconds: 0 } };
      const autoscaling = { maxReplicas: 5, behavior };
      const pool = { image: 'registry.example/worker', version: '1', queues: [name], autoscaling };
      await controlPlane.apply([
        { apiVersion: 'redis-queue.io/v1', kind: 'Queue', metadata, spec: {} },
        { apiVersion: 'redis-queue.io/v1', kind: 'WorkerPool', metadata, spec: pool },
      ]);
    },
    startApp: (name, ...args) => startApp(name, rig, heapMib, args),
    startAppOfHeap: (mib, name, ...args) => startApp(name, rig, mib, args),
    [Symbol.asyncDispose]: async () => {
      const stopped = replicas.map((replica) => replica.stop());
      await Promise.all([rig[Symbol.asyncDispose](), queuesRedis[Symbol.asyncDispose](), ...stopped]);
    },
  };
}

/** Resolves when it has all that its master has. */
async function startReplica(master: RedisServer): Promise<RedisServer> {
  const password = master.password ?? '';
  const link = ['--replicaof', master.host, String(master.port), '--masterauth', password];
  const replica = await startRedis({ password, args: [...link, '--repl-diskless-sync-delay', '0'] });
  await eventually(() => replica.lines.some((line) => /Finished with success/.test(line)), {
    description: 'the replica to have all of its master',
  });
  return replica;
}

async function startApp(
  name: AppName,
  { controlPlane, bus }: Rig,
  heapMib: number,
  args: readonly string[],
): Promise<RunningApp> {
  const { capabilities } = APPS[name];
  const redisFlags = capabilities.includes('redis') ? ['--redis-secret-names=redis-credentials'] : [];
  const busEnv = capabilities.includes('bus') ? { BUS_REDIS_URL: bus.url } : {};
  const child = await startAppProcess(name, {
    main: bundleOf(name),
    kubeconfigPath: controlPlane.kubeconfigPath,
    args: ['--lease-namespace=default', ...redisFlags, ...args],
    env: { ...imageEnv(heapMib), ...busEnv, POD_NAMESPACE: 'default', POD_NAME: `${name}-0` },
  });
  void child.exited.then(({ code, signal }) => {
    if (code === 0 || signal === 'SIGKILL' || signal === 'SIGTERM') return;
    // Uncaught, so that it ends the bench: figures without one of the apps would mean nothing.
    throw new Error(`${name} ended with ${signal ?? code}:\n${child.lines.slice(-10).join('\n')}`);
  });
  await child.ready();
  return { name, process: child };
}
