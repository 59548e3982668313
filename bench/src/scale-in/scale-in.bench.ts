import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { createPublisher } from '@redis-queue/scaling-bus';
import { eventually } from '@redis-queue/rig';
import { readArguments } from '../command-line/arguments.ts';
import { startMixedLoad } from './mixed-load.ts';
import { hundredths, percentile, tenths } from '../measuring/percentile.ts';
import { balanceOf, readWorkerLedger, startPodsStand, type Pool } from '../stand/pods-stand.ts';
import { samplesOf } from '../measuring/prometheus.ts';
import { seededRandom } from '@redis-queue/simulator';
import { FULL_SIZE, ScaledPool, type ScaleIn } from './pool.ts';

// Pools of real pods under jobs of 50 ms to 30 s, shrunk repeatedly from 6 pods to 2…5 and grown back. The bench
// decides the sizes in the autoscaler's place and sends them over the bus, with who is busy; the workerpool controller
// and Kubernetes do the rest. Counted: victims that were busier, when it was decided, than a pod that stayed, and what
// became of every job.
const HELP =
  'usage: make bench NAME=scale-in [ARGS="--scale-ins=200 --pools=4 --seed=1 --jobs-per-second=1.2"]\n' +
  'Exits with 1 when a job was lost, done twice or stalled, or a busier pod went than one that stayed.\n';
/** Log-uniform: 4.7 s on average. */
const DURATION_MS = [50, 30_000] as const;
/**
 * At 1.2 jobs per second 6 of the 24 slots are at work on average: some pods are idle, some run one job, some several.
 */
const CONCURRENCY = 4;
/** Longer than the longest job, so that no job is handed back. */
const DRAIN = { gracePeriod: '45s', maxDrainTime: '60s' };
const DRAIN_TIMEOUT_MS = 300_000;
const RUN = 'scale-in';

const values = readArguments(HELP, {
  'scale-ins': { type: 'string', default: '200' },
  pools: { type: 'string', default: '4' },
  seed: { type: 'string', default: '1' },
  'jobs-per-second': { type: 'string', default: '1.2' },
});
const wanted = Number(values['scale-ins']);
const seed = Number(values.seed);
const jobsPerSecond = Number(values['jobs-per-second']);
const startedMs = performance.now();
const print = (line: string): void =>
  console.error(`${Math.round((performance.now() - startedMs) / 1_000)} s  ${line}`);

await using stand = await startPodsStand({ name: 'bench-scale-in', charts: ['workerpool-controller'], print });
const redis = new Redis(stand.redisUrl, { maxRetriesPerRequest: null });
const bus = new URL(stand.redisUrl);
const publisher = createPublisher({
  redis: { host: bus.hostname, port: Number(bus.port), password: decodeURIComponent(bus.password) },
});
const end = new AbortController();
// Before the cluster ends: a watch that breaks would hide what went wrong.
using cleanup = new DisposableStack();
cleanup.defer(() => end.abort());
const scaleIns: ScaleIn[] = [];
const failures = new Map<string, string>();
let begun = 0;

const pools = await Promise.all(
  Array.from({ length: Number(values.pools) }, async (_, n) =>
    stand.addPool(`mail-${n}`, {
      concurrency: CONCURRENCY,
      drainPolicy: DRAIN,
      autoscaling: { enabled: true, minReplicas: 0, maxReplicas: FULL_SIZE },
    }),
  ),
);
const added = new Set<string>();
const stalled = (await Promise.all(pools.map((pool, n) => runPool(pool, seed * 1_000 + n)))).reduce(sum, 0);
const ledger = balanceOf(added, await readWorkerLedger(redis, RUN));
const counted = await controllerCounters();
end.abort();

const worseVictims = scaleIns.map(({ worse }) => worse).reduce(sum, 0);
const victims = scaleIns.map(({ victims: count }) => count).reduce(sum, 0);
const idleVictims = scaleIns.map(({ idle }) => idle).reduce(sum, 0);
const took = scaleIns.map(({ tookMs }) => tookMs);
const result = {
  bench: 'scale-in',
  scaleIns: scaleIns.length,
  lost: ledger.lost,
  duplicated: ledger.duplicated,
  stalled,
  worseVictims,
  /** Worker containers that crashed or were killed; the cause of stalled jobs, when there are any. */
  failedPods: failures.size,
  handedBack: ledger.restarts - stalled,
  jobs: added.size,
  victims,
  idleVictimShare: hundredths(idleVictims / victims),
  /** Scale-ins that would have taken a worse victim by random choice: what the choice is worth. */
  worseScaleInsByLot: tenths(scaleIns.map(({ worseByLot }) => worseByLot).reduce(sum, 0)),
  decisions: scaleIns.map(({ decisions }) => decisions).reduce(sum, 0),
  /** Of these, dropped because a pod was at work before it was ready. */
  putOff: counted('redis_queue_decisions_dropped_total', 'pods-starting'),
  costsWritten: counted('redis_queue_pod_deletion_costs_total', 'written'),
  decisionToSizeP50Ms: tenths(percentile(took, 0.5)),
  decisionToSizeMaxMs: tenths(Math.max(...took)),
  minutes: tenths((performance.now() - startedMs) / 60_000),
};
for (const [name, how] of failures) print(`the container of pod ${name} ended with ${how}`);
console.table(result);
console.log(JSON.stringify(result));
await publisher.close();
redis.disconnect();
await stand[Symbol.asyncDispose]();
const { lost, duplicated } = result;
process.exit(lost + duplicated + stalled + worseVictims === 0 && scaleIns.length === wanted ? 0 : 1);

/** Shrinks and grows one pool under load for as long as scale-ins are wanted, then lets it finish. @returns stalls. */
async function runPool(pool: Pool, poolSeed: number): Promise<number> {
  const queue = new Queue(pool.queue, { connection: redis, skipMetasUpdate: true });
  const scaled = await ScaledPool.start({
    pool,
    client: stand.client,
    redis,
    publisher,
    random: seededRandom(poolSeed),
    signal: end.signal,
  });
  await scaled.grow();
  const random = seededRandom(poolSeed + 500);
  const load = startMixedLoad(queue, { name: pool.name, run: RUN, jobsPerSecond, durationMs: DURATION_MS, random });
  while (begun < wanted) {
    begun++;
    await scaled.grow();
    const scaleIn = await scaled.shrink();
    scaleIns.push(scaleIn);
    const { from, to, idle, worse, decisions, tookMs } = scaleIn;
    print(
      `${scaleIns.length}/${wanted}  ${pool.name} ${from} → ${to}: ${scaleIn.victims - idle} busy and ${idle} idle pods went` +
        `${worse > 0 ? `, ${worse} of them WORSE than one that stayed` : ''} (${decisions} decisions, ${Math.round(tookMs)} ms)`,
    );
  }
  await scaled.grow();
  await load.stop();
  for (const [name, how] of scaled.failures) failures.set(name, how);
  for (const id of load.added) added.add(id);
  await eventually(async () => (await queue.getJobCountByTypes('wait', 'active', 'delayed', 'prioritized')) === 0, {
    timeoutMs: DRAIN_TIMEOUT_MS,
    intervalMs: 500,
    description: `the jobs of ${pool.name} to be done`,
  });
  return await stalls(pool.queue, [...load.added]);
}

/** How often jobs of the queue stalled, as BullMQ counts it in each. */
async function stalls(queue: string, ids: readonly string[]): Promise<number> {
  const reads = redis.pipeline();
  for (const id of ids) reads.hget(`bull:${queue}:${id}`, 'stc');
  const counts = (await reads.exec()) ?? [];
  return counts.map(([, count]) => Number(count ?? 0)).reduce(sum, 0);
}

/** What the workerpool controller counts, by metric name and the value of its label. */
async function controllerCounters(): Promise<(name: string, label: string) => number> {
  const pods = ['get', 'pods', '-n', stand.namespace, '-l', 'app.kubernetes.io/name=workerpool-controller'];
  const pod = await stand.kubectl(...pods, '-o=jsonpath={.items[0].metadata.name}');
  const path = `/api/v1/namespaces/${stand.namespace}/pods/${pod}:8080/proxy/metrics`;
  const text = await stand.kubectl('get', '--raw', path);
  return (name, label) =>
    samplesOf(text, name)
      .filter(({ labels }) => Object.values(labels).includes(label))
      .map(({ value }) => value)
      .reduce(sum, 0);
}

function sum(a: number, b: number): number {
  return a + b;
}
