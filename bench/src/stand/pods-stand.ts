import type { WorkerPool } from '@redis-queue/api';
import { ownCluster, type OwnCluster } from '@redis-queue/cluster';
import { loadKubeClient, type KubeClient } from '@redis-queue/controller';
import { buildBundles } from '@redis-queue/rig';
import { apply, createSite, installChart, run } from '@redis-queue/rig/pods';
import { Redis } from 'ioredis';

/** The example worker finds its handler by this name, so every Queue has it, each in a namespace of its own. */
const QUEUE_OBJECT = 'emails';
const CREDENTIALS = 'redis-credentials';
const SITE = 'redis-queue';

/**
 * Real pods: a cluster of processes on this machine, one Redis in it, the charts a bench chooses, and pools that run
 * the example worker, each in a namespace of its own. Ending it ends the whole cluster.
 */
export interface PodsStand extends AsyncDisposable {
  readonly cluster: OwnCluster;
  /** As the cluster's administrator. */
  readonly client: KubeClient;
  /** The Redis of queues and bus, by a NodePort: no tunnel in between. Holds the password: never print it. */
  readonly redisUrl: string;
  /** Where the charts and Redis are. */
  readonly namespace: string;
  /** `helm upgrade --install` of one of `charts/` with the bench's images; resolves when its pods are ready. */
  install: (chart: string, values?: Record<string, string>) => Promise<void>;
  /**
   * A namespace of this name with a Queue and a WorkerPool of it. The queue's name in Redis is `name` too.
   * Resolves when the API server has them, not when pods run.
   *
   * @param spec added to the pool's, such as `{replicas: 4, concurrency: 5}`; without autoscaling unless it says so.
   */
  addPool: (name: string, spec: Partial<WorkerPool['spec']> & object) => Promise<Pool>;
  kubectl: (...args: string[]) => Promise<string>;
}

export interface Pool {
  /** Of the WorkerPool, its Deployment, its namespace and its queue in Redis. */
  readonly name: string;
  readonly namespace: string;
  readonly queue: string;
  readonly uid: string;
}

export interface PodsStandOptions {
  /** Of the cluster: `bench-…`; benches of different names run side by side. */
  name: string;
  /** Charts to install at the start. `redis-queue-crds` is always there. */
  charts?: readonly string[];
  /** Tags of the example worker's image, of the same content; the first is the pools' version. Default `['dev']`. */
  workerTags?: readonly [string, ...string[]];
  print: (line: string) => void;
}

/** Builds what is to be built and starts the stand; about half a minute when images are in the cache. */
export async function startPodsStand({ name, charts = [], workerTags, print }: PodsStandOptions): Promise<PodsStand> {
  await buildBundles();
  const cluster = await ownCluster(name, print, workerTags ? { workerTags } : {});
  const kubectl = (...args: string[]): Promise<string> => run(cluster.kubectl, args);
  const endOnSignal = (): void => void cluster.end().finally(() => process.exit(130));
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, endOnSignal);
  const end = async (): Promise<void> => {
    for (const signal of signals) process.off(signal, endOnSignal);
    await cluster.end();
  };
  try {
    await installChart(cluster, 'default', 'redis-queue-crds', { keep: 'false' });
    const site = await createSite(cluster, SITE);
    const redisUrl = await exposeRedis(kubectl, cluster.nodeAddress, site.password);
    for (const chart of charts) await installChart(cluster, SITE, chart, chartValues(chart));
    return {
      cluster,
      client: loadKubeClient({ kubeconfigPath: cluster.kubeconfigPath }),
      redisUrl,
      namespace: SITE,
      install: (chart, values = {}) => installChart(cluster, SITE, chart, { ...chartValues(chart), ...values }),
      addPool: (pool, spec) => addPool(cluster, site.password, pool, spec),
      kubectl,
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The definitions are there already, by a release of their own. */
function chartValues(chart: string): Record<string, string> {
  return chart === 'redis-queue' ? { 'crds.enabled': 'false' } : {};
}

async function exposeRedis(kubectl: PodsStand['kubectl'], address: string, password: string): Promise<string> {
  await kubectl('patch', '-n', SITE, 'service/redis', '-p', JSON.stringify({ spec: { type: 'NodePort' } }));
  const port = await kubectl('get', '-n', SITE, 'service/redis', '-o=jsonpath={.spec.ports[0].nodePort}');
  const url = `redis://:${password}@${address}:${port}`;
  const redis = new Redis(url, { maxRetriesPerRequest: 100 });
  redis.on('error', () => undefined); // kube-proxy may need a second for the port; the ping waits for it
  await redis.ping();
  redis.disconnect();
  return url;
}

async function addPool(cluster: OwnCluster, password: string, name: string, spec: object): Promise<Pool> {
  const { image, version } = cluster.images.exampleWorker;
  const metadata = (object: string): object => ({ name: object, namespace: name });
  const stringData = { 'redis-host': `redis.${SITE}.svc`, 'redis-port': '6379', 'redis-password': password };
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apply(cluster, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }]);
  await apply(cluster, [
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata(CREDENTIALS), stringData },
    { apiVersion: 'redis-queue.io/v1', kind: 'Queue', metadata: metadata(QUEUE_OBJECT), spec: { name } },
    {
      apiVersion: 'redis-queue.io/v1',
      kind: 'WorkerPool',
      metadata: metadata(name),
      spec: { image, version, queues: [QUEUE_OBJECT], ...spec },
    },
  ]);
  const read = ['get', '-n', name, `workerpools.redis-queue.io/${name}`, '-o=jsonpath={.metadata.uid}'];
  return { name, namespace: name, queue: name, uid: await run(cluster.kubectl, read) };
}

/** What the example worker recorded of a run: how often each job was started, and how often its effect happened. */
export interface WorkerLedger {
  readonly starts: ReadonlyMap<string, number>;
  readonly effects: ReadonlyMap<string, number>;
}

/** @param name of the run, as in the jobs' data. */
export async function readWorkerLedger(redis: Redis, name: string): Promise<WorkerLedger> {
  const read = async (kind: string): Promise<Map<string, number>> => {
    const counts = await redis.hgetall(`ledger:${name}:${kind}`);
    return new Map(Object.entries(counts).map(([id, count]) => [id, Number(count)]));
  };
  return { starts: await read('starts'), effects: await read('effects') };
}

/** Jobs without their effect, jobs whose effect happened twice, and starts beyond the first of each job. */
export function balanceOf(added: ReadonlySet<string>, { starts, effects }: WorkerLedger) {
  return {
    lost: [...added].filter((id) => !effects.has(id)).length,
    duplicated: [...effects.values()].filter((count) => count > 1).length,
    restarts: [...starts.values()].reduce((sum, count) => sum + count - 1, 0),
  };
}
