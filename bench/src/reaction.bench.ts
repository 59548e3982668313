import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { readArguments } from './arguments.ts';
import { DEPLOYMENTS, loadKubeClient, type Resource } from '@redis-queue/controller';
import { ObjectWatch, untilNone } from './object-watch.ts';
import { percentile, tenths } from './percentile.ts';
import { APPS, buildApps, startStand } from './stand.ts';

// From the first job of a pool at zero to the changed `spec.replicas` of its Deployment, as a watch sees it: Redis, autoscaler,
// bus, workerpool controller, API server, all real, bundled and separate processes. Beside it, what a bare patch of the same
// Deployment by an ideal client takes on the same machine in the same run.
const HELP = 'usage: make bench NAME=reaction [ARGS="--tries=30"]\n';
const WARM_UP = 3;
const TIMEOUT_MS = 60_000;

interface Sized extends Resource {
  spec: { replicas: number };
}

const values = readArguments(HELP, { tries: { type: 'string', default: '30' } });
const tries = Number(values.tries);

console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand();
const { namespace, controlPlane } = stand;
await stand.applyQueueAndPool('reaction');
const labels = { app: 'bare' };
await controlPlane.apply({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'bare', namespace },
  spec: {
    replicas: 0,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'none', image: 'registry.example/none' }] } },
  },
});
for (const app of APPS) await stand.startApp(app);

const redis = new Redis(stand.redis.url, { maxRetriesPerRequest: null });
const queue = new Queue('reaction', { connection: redis, skipMetasUpdate: true });
const worker = new Worker('reaction', null, { connection: redis, autorun: false });
const end = new AbortController();
await controlPlane.kubectl('wait', '-n', namespace, 'deployment/reaction', '--for=create', '--timeout=30s');
const client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
const deployments = await ObjectWatch.start<Sized>(client, DEPLOYMENTS, namespace, end.signal);

const finished = new Set<string>();
const reactions: number[] = [];
const bares: number[] = [];
for (let attempt = -WARM_UP; attempt < tries; attempt++) {
  await untilSized('reaction', (replicas) => replicas === 0);
  await sleep(500 + Math.random() * 1_500);
  const addedMs = performance.now();
  const { id } = await queue.add('first', {});
  const reactedMs = await untilSized('reaction', (replicas) => replicas > 0);
  const bareMs = await barePatch();
  const job = await worker.getNextJob('bench');
  await job.moveToCompleted('done', 'bench', false);
  if (job.id !== id || (await job.getState()) !== 'completed')
    throw new Error(`job ${id} did not complete, but ${job.id}`);
  finished.add(job.id!);
  if (attempt < 0) continue;
  reactions.push(reactedMs - addedMs);
  bares.push(bareMs);
  console.error(`${attempt + 1}/${tries}  ${tenths(reactedMs - addedMs)} ms  (bare patch ${tenths(bareMs)} ms)`);
}
if (finished.size !== tries + WARM_UP)
  throw new Error(`${tries + WARM_UP} jobs were added, ${finished.size} completed`);

const [p50Ms, p99Ms] = [percentile(reactions, 0.5), percentile(reactions, 0.99)].map(tenths);
const barePatchP50Ms = tenths(percentile(bares, 0.5));
console.table({
  reaction: { n: tries, warmUp: WARM_UP, p50Ms, p99Ms },
  'bare patch': { n: tries, warmUp: WARM_UP, p50Ms: barePatchP50Ms },
});
console.log(JSON.stringify({ bench: 'reaction', n: tries, p50Ms, p99Ms, barePatchP50Ms }));
end.abort();
redis.disconnect();
process.exit(0);

/** Resolves, with the time, as soon as the watch shows a size of the Deployment that fits; at once when it already does. */
async function untilSized(name: string, fits: (replicas: number) => boolean): Promise<number> {
  const misfit = deployments.unfit(({ metadata, spec }) => metadata.name !== name || fits(spec.replicas));
  return await untilNone([misfit], TIMEOUT_MS, `Deployment ${name} to change its size`);
}

/** One patch of a Deployment's size, until the watch sees it, ms. */
async function barePatch(): Promise<number> {
  const replicas = deployments.objects.get('bare')!.spec.replicas === 0 ? 1 : 0;
  const startedMs = performance.now();
  const seen = untilSized('bare', (now) => now === replicas);
  await client.mergePatch(DEPLOYMENTS, { namespace, name: 'bare' }, { spec: { replicas } });
  return (await seen) - startedMs;
}
