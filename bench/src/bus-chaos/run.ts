import { setTimeout as sleep } from 'node:timers/promises';
import { DEPLOYMENTS, loadKubeClient, type KubeClient, type Resource } from '@redis-queue/controller';
import { WORKER_POOLS } from '@redis-queue/api';
import { BUS_PREFIX, BUS_QUEUE, createPublisher, type Publisher } from '@redis-queue/scaling-bus';
import { eventually } from '@redis-queue/rig';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { ChaosPlan, MAX_REPLICAS, type ChaosMessage, type ChaosPool } from './chaos-plan.ts';
import { FenceAudit, type FencedDeployment } from './fence-audit.ts';
import { inFlight } from '../cluster-objects/in-flight.ts';
import { ObjectWatch } from '../cluster-objects/object-watch.ts';
import { samplesOf, sumBy } from '../measuring/prometheus.ts';
import { seededRandom, wholeBetween } from '@redis-queue/simulator';
import type { RunningApp, Stand } from '../stand/stand.ts';

export interface BusChaosOptions {
  decisions: number;
  kills: number;
  pools: number;
  seed: number;
  print: (line: string) => void;
}

export interface BusChaosResult {
  decisions: number;
  messages: number;
  kills: number;
  fenceRegressions: number;
  wrongPairs: number;
  expiredApplied: number;
  wrongSizes: number;
  /** Decisions that changed a size, by the Deployments' fences. */
  applied: number;
  republished: number;
  /** As the consumers counted it; what one counted after its last reading died with it. */
  droppedBy: Record<string, number>;
}

type Deployment = Resource & FencedDeployment;

/** One process at a time, and the bus is the subject: a machine too busy to renew a Lease must not end the run. */
const ALONE = ['--leader-elect=false'];
const TICK_MS = 1_000;
const EPOCHS = 5;
const TIMEOUT_MS = 120_000;
/** A killed consumer's decisions are locked for 5 s and found within 2.5 s more. */
const END_TIMEOUT_MS = 120_000;
const MEAN_GAP_MS = 5;
const LONGEST_LIFE_MS = 800;

/**
 * Decisions in every disorder that a bus can make, while the consumer is killed repeatedly; the newest decision on
 * each pool is published again every second until its Deployment has that size, as the autoscaler does. Every revision
 * is audited.
 */
export async function runBusChaos(stand: Stand, options: BusChaosOptions): Promise<BusChaosResult> {
  const { decisions, kills, seed, print } = options;
  const random = seededRandom(seed);
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath });
  const redis = new Redis(stand.redis.url, { maxRetriesPerRequest: null });
  const { host, port, password } = stand.redis;
  await using publisher = createPublisher({ redis: { host, port, ...(password && { password }) } });
  const raw = new Queue(BUS_QUEUE, { prefix: BUS_PREFIX, connection: redis, skipMetasUpdate: true });
  const end = new AbortController();
  try {
    const pools = await createPools(client, stand, options.pools);
    const deployments = await ObjectWatch.start<Deployment>(client, DEPLOYMENTS, stand.namespace, end.signal);
    let app = await stand.startApp('workerpool-controller', ...ALONE);
    await eventually(() => deployments.objects.size === pools.length, {
      timeoutMs: TIMEOUT_MS,
      description: `${pools.length} Deployments`,
    });
    const plan = new ChaosPlan(pools, await publisher.timeMs(), random);
    const audit = new FenceAudit(plan);
    for (const deployment of deployments.objects.values()) audit.see(deployment);
    deployments.onChange((deployment) => audit.see(deployment));
    const sizeOf = (pool: string): number => deployments.objects.get(pool)?.spec.replicas ?? 0;
    const clock = await busClock(publisher);

    const dropped = new Map<string, number>();
    let republished = 0;
    let messages = 0;
    const ticking = every(TICK_MS, end.signal, async () => {
      for (const pool of pools) {
        if ((plan.wanted(pool.name) ?? sizeOf(pool.name)) === sizeOf(pool.name)) continue;
        republished++;
        await publisher.publish(plan.again(pool, clock(), sizeOf(pool.name)));
      }
    });
    ticking.catch(() => undefined); // a failure shows at the end, where it is awaited
    const put = async (message: ChaosMessage): Promise<void> => {
      messages++;
      if (message.way === 'publish') return await publisher.publish(message.decision);
      await raw.add('decision', message.decision, {
        delay: message.delayMs,
        removeOnComplete: true,
        removeOnFail: true,
      });
    };

    let issued = 0;
    for (let life = 1; life <= kills; life++) {
      if (life % Math.ceil(kills / EPOCHS) === 0) plan.newEpoch();
      const upTo = Math.round((decisions * life) / kills);
      const issue = async (): Promise<void> => {
        for (; issued < upTo; issued++) {
          await Promise.all(plan.next(clock(), sizeOf).map(put));
          await sleep(random() * 2 * MEAN_GAP_MS);
        }
      };
      const killAfterMs = wholeBetween(random, 0, LONGEST_LIFE_MS);
      await Promise.all([issue(), killAtWork(app, audit, killAfterMs, dropped)]);
      app = await stand.startApp('workerpool-controller', ...ALONE);
      print(`${life}/${kills} kills, ${issued} decisions, ${audit.applied} applied`);
    }

    print('waiting for the bus to be empty and every size to be the newest');
    const wrong = (): ChaosPool[] => pools.filter(({ name }) => (plan.wanted(name) ?? 0) !== sizeOf(name));
    await eventually(
      async () => {
        const { waiting = 1, delayed = 1, active = 1 } = await raw.getJobCounts('waiting', 'delayed', 'active');
        return waiting + delayed + active === 0 && wrong().length === 0;
      },
      { timeoutMs: END_TIMEOUT_MS, intervalMs: 200, description: 'the end of the chaos' },
    ).catch((error: Error) => print(error.message)); // the counts below say what is wrong
    await addDropped(app, dropped);
    await app.process.stop();
    end.abort();
    await ticking;
    const { fenceRegressions, wrongPairs, expiredApplied, applied } = audit;
    return {
      decisions: issued,
      messages,
      kills,
      fenceRegressions,
      wrongPairs,
      expiredApplied,
      wrongSizes: wrong().length,
      applied,
      republished,
      droppedBy: Object.fromEntries([...dropped].filter(([, count]) => count > 0)),
    };
  } finally {
    end.abort();
    redis.disconnect();
    await client.close();
  }
}

async function createPools(
  client: KubeClient,
  { namespace, controlPlane }: Stand,
  count: number,
): Promise<ChaosPool[]> {
  const apiVersion = 'redis-queue.io/v1';
  await controlPlane.apply({ apiVersion, kind: 'Queue', metadata: { name: 'chaos', namespace }, spec: {} });
  const pools: ChaosPool[] = [];
  await inFlight([...Array.from({ length: count }).keys()], 8, async (n) => {
    const metadata = { name: `chaos-${n}`, namespace };
    const autoscaling = { maxReplicas: MAX_REPLICAS };
    const spec = { image: 'registry.example/worker', version: '1', queues: ['chaos'], autoscaling };
    const { metadata: made } = await client.create(WORKER_POOLS, {
      apiVersion,
      kind: 'WorkerPool',
      metadata,
      spec,
    } as Resource);
    pools.push({ ...metadata, uid: made.uid ?? '', generation: made.generation ?? 1 });
  });
  return pools.toSorted((a, b) => a.name.localeCompare(b.name));
}

/** The bus's Redis time, without asking for each decision. */
async function busClock(publisher: Publisher): Promise<() => number> {
  const offsetMs = (await publisher.timeMs()) - performance.now();
  return () => Math.round(performance.now() + offsetMs);
}

/** Kills the consumer some time after it has changed a size, so that it has decisions in progress. */
async function killAtWork(
  app: RunningApp,
  audit: FenceAudit,
  afterMs: number,
  dropped: Map<string, number>,
): Promise<void> {
  const before = audit.applied;
  await eventually(() => audit.applied > before, {
    timeoutMs: TIMEOUT_MS,
    intervalMs: 10,
    description: 'the consumer to change a size',
  });
  await sleep(afterMs);
  await addDropped(app, dropped);
  await app.process.stop('SIGKILL');
}

async function addDropped({ process }: RunningApp, dropped: Map<string, number>): Promise<void> {
  const page = await process.metrics();
  const now = sumBy(samplesOf(page, 'redis_queue_decisions_dropped_total'), ({ reason }) => reason);
  for (const [reason, count] of now) dropped.set(reason, (dropped.get(reason) ?? 0) + count);
}

/** Calls `work` repeatedly, that long apart, until `signal` aborts. */
async function every(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
