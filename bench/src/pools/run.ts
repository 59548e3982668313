import { QUEUES, WORKER_POOLS, type Queue as QueueKind, type WorkerPool } from '@redis-queue/api';
import { DEPLOYMENTS, loadKubeClient, type KubeClient, type Resource } from '@redis-queue/controller';
import { APP_NAMES, eventually } from '@redis-queue/rig';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { hundredths } from '../measuring/percentile.ts';
import { inFlight } from '../cluster-objects/in-flight.ts';
import { ObjectWatch, untilNone } from '../cluster-objects/object-watch.ts';
import { countWrites, isLeaseWrite } from '../measuring/api-writes.ts';
import { growth } from '../measuring/prometheus.ts';
import type { RunningApp, Stand } from '../stand/stand.ts';

export interface PoolsOptions {
  pools: number;
  quietMs: number;
  /** How long nobody may have written before a step begins; default 10 s. */
  settledMs?: number;
  print: (line: string) => void;
}

export interface PoolsResult {
  pools: number;
  zeroToOneRatioToBare: number;
  oneToTwoRatioToBare: number;
  zeroToOneMs: number;
  oneToTwoMs: number;
  bareZeroToOneMs: number;
  bareOneToTwoMs: number;
  /** Writes to the API server in the quiet time, Leases not counted. */
  steadyWrites: number;
  leaseWrites: number;
}

/**
 * What the controllers have in flight at most: 8 decisions applied and 8 pools reconciled (`--concurrency`, default 8
 * each).
 */
const IN_FLIGHT = 16;
const STEP_TIMEOUT_MS = 180_000;
/** kube-controller-manager writes 20 times per second and controller, so thousands of objects take it minutes. */
const SETTLE_TIMEOUT_MS = 1_200_000;
const QUEUE_DEPTH = 5;

interface Deployment extends Resource {
  spec: { replicas?: number };
  status?: { observedGeneration?: number; replicas?: number };
}
type Pool = WorkerPool & Resource;
type QueueObject = QueueKind & Resource;

/** The Deployments and pools of a namespace, as watches report them. */
interface Fleet {
  namespace: string;
  deployments: ObjectWatch<Deployment>;
  pools: ObjectWatch<Pool>;
}

/**
 * Steps many pools 0 → 1 → 2, ours by jobs and the controllers, bare by the two calls that each step needs at least, on
 * objects of the same content in a namespace that the controllers do not watch. The order is bare, ours, ours, bare, so
 * that a slow drift of the machine falls on both; before each step kube-controller-manager has done what the step
 * before gave it to do.
 */
export async function runPools(
  stand: Stand,
  { pools, quietMs, settledMs = 10_000, print }: PoolsOptions,
): Promise<PoolsResult> {
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath, maxConnections: IN_FLIGHT });
  const end = new AbortController();
  const redis = new Redis(stand.redis.url, { maxRetriesPerRequest: null });
  const names = Array.from({ length: pools }, (_, n) => `pool-${String(n).padStart(4, '0')}`);
  try {
    const ours = await startFleet(client, stand.namespace, end.signal);
    const bare = await startFleet(client, await stand.controlPlane.createNamespace('bare'), end.signal);
    print(`creating ${pools} Queues and WorkerPools`);
    await inFlight(names, IN_FLIGHT, (name) => createQueueAndPool(client, ours.namespace, name));
    const apps = await startApps(stand);
    await untilSized(ours, 0, pools);
    print(`creating ${pools} Deployments and WorkerPools of the same content`);
    await inFlight(names, IN_FLIGHT, (name) => createBare(client, bare.namespace, name, ours));
    await untilSized(bare, 0, pools);

    const count = async (): Promise<Map<string, number>> => await countWrites(stand.controlPlane);
    const step = async (what: string, fleet: Fleet, replicas: number, act: () => Promise<void>): Promise<number> => {
      await untilSettled([ours, bare], count, settledMs, print);
      const before = await count();
      const startMs = performance.now();
      const seen = untilSized(fleet, replicas, pools);
      seen.catch(() => undefined); // a failure shows where it is awaited, unless `act` fails before
      await act();
      const ms = Math.round((await seen) - startMs);
      print(`${what}: ${ms} ms`);
      for (const [request, by] of growth(before, await count())) print(`  ${String(by).padStart(6)} ${request}`);
      return ms;
    };
    const barely = (replicas: number) => async (): Promise<void> =>
      await inFlight(names, IN_FLIGHT, (name) => stepBare(client, bare, name, replicas));

    const bareZeroToOneMs = await step('bare 0 → 1', bare, 1, barely(1));
    const zeroToOneMs = await step('ours 0 → 1', ours, 1, () => addJobs(redis, names, 1));
    const oneToTwoMs = await step('ours 1 → 2', ours, 2, () => addJobs(redis, names, 2 * QUEUE_DEPTH - 1));
    // With jobs waiting the autoscaler samples every queue every second: the bare step must not pay for that.
    await apps.get('autoscaler')!.process.stop('SIGTERM');
    const bareOneToTwoMs = await step('bare 1 → 2', bare, 2, barely(2));

    print('emptying the queues, until all pools are at 0');
    await takeJobs(redis, names);
    await stand.startApp('autoscaler', ...scope(stand));
    await untilSized(ours, 0, pools, SETTLE_TIMEOUT_MS);
    await untilCountedEmpty(client, ours.namespace, end.signal);
    await untilSettled([ours, bare], count, settledMs, print);
    print(`counting writes for ${quietMs / 1000} s`);
    const writes = await quiet(count, quietMs);
    for (const [request, by] of writes) print(`  ${String(by).padStart(6)} ${request}`);
    const leases = [...writes].filter(([request]) => isLeaseWrite(request));
    return {
      pools,
      zeroToOneRatioToBare: hundredths(zeroToOneMs / bareZeroToOneMs),
      oneToTwoRatioToBare: hundredths(oneToTwoMs / bareOneToTwoMs),
      zeroToOneMs,
      oneToTwoMs,
      bareZeroToOneMs,
      bareOneToTwoMs,
      steadyWrites: total([...writes]) - total(leases),
      leaseWrites: total(leases),
    };
  } finally {
    end.abort();
    redis.disconnect();
    await client.close();
  }
}

async function startFleet(client: KubeClient, namespace: string, signal: AbortSignal): Promise<Fleet> {
  return {
    namespace,
    deployments: await ObjectWatch.start<Deployment>(client, DEPLOYMENTS, namespace, signal),
    pools: await ObjectWatch.start<Pool>(client, WORKER_POOLS, namespace, signal),
  };
}

function scope(stand: Stand): string[] {
  return [`--namespace-scope=${stand.namespace}`];
}

async function startApps(stand: Stand): Promise<Map<string, RunningApp>> {
  const apps = new Map<string, RunningApp>();
  for (const app of APP_NAMES) apps.set(app, await stand.startApp(app, ...scope(stand)));
  return apps;
}

async function createQueueAndPool(client: KubeClient, namespace: string, name: string): Promise<void> {
  const metadata = { name, namespace };
  const apiVersion = 'redis-queue.io/v1';
  await client.create(QUEUES, { apiVersion, kind: 'Queue', metadata, spec: {} } as Resource);
  const autoscaling = {
    maxReplicas: 2,
    targetMetrics: { queueDepth: QUEUE_DEPTH },
    behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
  };
  const spec = { image: 'registry.example/worker', version: '1', queues: [name], autoscaling };
  await client.create(WORKER_POOLS, { apiVersion, kind: 'WorkerPool', metadata, spec } as Resource);
}

/** The same Deployment, pool and status as the controllers made; no controller acts on them. */
async function createBare(client: KubeClient, namespace: string, name: string, ours: Fleet): Promise<void> {
  const metadata = { name, namespace };
  const { spec } = ours.deployments.objects.get(name)!;
  const pool = ours.pools.objects.get(name)!;
  await client.apply(DEPLOYMENTS, { metadata, spec: { ...spec, replicas: 0 } }, { fieldManager: 'bare', force: true });
  await client.create(WORKER_POOLS, { ...pool, metadata });
  await client.mergePatch(WORKER_POOLS, metadata, { status: pool.status }, { subresource: 'status' });
}

/** The least that a step takes: the size by server-side apply, and a status that reports it. */
async function stepBare(
  client: KubeClient,
  { namespace, pools }: Fleet,
  name: string,
  replicas: number,
): Promise<void> {
  const metadata = { name, namespace };
  await client.apply(DEPLOYMENTS, { metadata, spec: { replicas } }, { fieldManager: 'bare-scale', force: true });
  const status = { ...pools.objects.get(name)!.status, desiredReplicas: replicas };
  await client.mergePatch(WORKER_POOLS, metadata, { status }, { subresource: 'status' });
}

async function addJobs(redis: Redis, names: readonly string[], jobs: number): Promise<void> {
  await inFlight(names, 200, async (name) => {
    const queue = new Queue(name, { connection: redis, skipMetasUpdate: true });
    await queue.addBulk(Array.from({ length: jobs }, () => ({ name: 'job', data: {} })));
  });
}

/** Not by FLUSHDB: the queues' own settings and the bus stay. */
async function takeJobs(redis: Redis, names: readonly string[]): Promise<void> {
  await inFlight(names, 200, (name) => new Queue(name, { connection: redis, skipMetasUpdate: true }).drain());
}

/** A Queue's status reports its counts once a minute: the last report is still to come when the queues are empty. */
async function untilCountedEmpty(client: KubeClient, namespace: string, signal: AbortSignal): Promise<void> {
  const queues = await ObjectWatch.start<QueueObject>(client, QUEUES, namespace, signal);
  const empty = ({ status }: QueueObject): boolean => Object.values(status?.counts ?? {}).every((jobs) => jobs === 0);
  await untilNone([queues.unfit(empty)], SETTLE_TIMEOUT_MS, 'all Queues to report that they are empty');
}

/** Until every Deployment has the size and every pool's status says so. */
async function untilSized(fleet: Fleet, replicas: number, count: number, timeoutMs = STEP_TIMEOUT_MS): Promise<number> {
  const { deployments, pools } = fleet;
  // The watches learn of new objects one by one: all of them must be there before "all fit" means anything.
  await eventually(() => deployments.objects.size === count && pools.objects.size === count, {
    timeoutMs: STEP_TIMEOUT_MS,
    description: `${count} Deployments and pools in ${fleet.namespace}`,
  });
  return await untilNone(
    [
      deployments.unfit(({ spec }) => spec.replicas === replicas),
      pools.unfit(({ status }) => status?.desiredReplicas === replicas),
    ],
    timeoutMs,
    `all to have ${replicas} replicas`,
  );
}

const READING_MS = 1_000;

/** Until kube-controller-manager has caught up with every Deployment and nobody has written for some seconds. */
async function untilSettled(
  fleets: readonly Fleet[],
  count: () => Promise<Map<string, number>>,
  settledMs: number,
  print: (line: string) => void,
): Promise<void> {
  const startMs = performance.now();
  await untilNone(
    fleets.map(({ deployments }) => deployments.unfit(caughtUp)),
    SETTLE_TIMEOUT_MS,
    'kube-controller-manager to catch up',
  );
  let last = await count();
  let stillSinceMs = performance.now();
  await eventually(
    async () => {
      const now = await count();
      if (![...growth(last, now).keys()].every(isLeaseWrite)) stillSinceMs = performance.now();
      last = now;
      return performance.now() - stillSinceMs >= settledMs;
    },
    { timeoutMs: SETTLE_TIMEOUT_MS, intervalMs: READING_MS, description: 'writes to the API server to end' },
  );
  print(`settled after ${Math.round((performance.now() - startMs) / 1000)} s`);
}

function caughtUp({ metadata, spec, status }: Deployment): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) && (status?.replicas ?? 0) === spec.replicas;
}

async function quiet(count: () => Promise<Map<string, number>>, quietMs: number): Promise<Map<string, number>> {
  const before = await count();
  const untilMs = performance.now() + quietMs;
  await eventually(() => performance.now() >= untilMs, { timeoutMs: quietMs + 60_000, intervalMs: 1_000 });
  return growth(before, await count());
}

function total(entries: [string, number][]): number {
  return entries.reduce((sum, [, by]) => sum + by, 0);
}
