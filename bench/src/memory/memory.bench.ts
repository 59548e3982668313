import { setTimeout as sleep } from 'node:timers/promises';
import { WORKER_POOLS } from '@redis-queue/api';
import { loadKubeClient, typeMeta, type Resource } from '@redis-queue/controller';
import { APP_NAMES, eventually } from '@redis-queue/rig';
import { measureIdle, peakMib } from '../measuring/resident.ts';
import { buildApps, startStand, type RunningApp } from '../stand/stand.ts';

// Memory of each bundled app with the charts' Node flags, on a real API server and Redis: idle, with one Queue and one
// WorkerPool; and at its peak from the start on, with pools as large as the API server takes them.
const SETTLE_MS = 20_000;
const SAMPLES = 15;
const HOSTILE = { pools: 30, templateBytes: 1_000_000 };

console.error('building the apps');
await buildApps();
await using stand = await startStand();
await stand.applyQueueAndPool('idle');
const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath });
const apps = await startAll();
// the pool has its Deployment: the controllers have worked, not merely started
await stand.controlPlane.kubectl('wait', '-n', stand.namespace, 'deployment/idle', '--for=create', '--timeout=30s');
console.error(`settling for ${SETTLE_MS / 1000} s, then ${SAMPLES} samples a second apart`);
await sleep(SETTLE_MS);
const controllers = await measureIdle(apps, SAMPLES);
console.table(controllers);

console.error(`${HOSTILE.pools} pools of 1 MB come while the apps run, then the apps start anew`);
const large = Array.from({ length: HOSTILE.pools }, (_, index) => `large-${index}`);
// Not by kubectl apply, which notes all of it in an annotation that may have 256 KiB.
for (const name of large) await client.create(WORKER_POOLS, aLargePool(name));
await eventually(allRefused, { timeoutMs: 60_000, intervalMs: 1_000 });
const whileRunning = peaks(apps);
await stopAll(apps);
const restarted = await startAll();
await sleep(SETTLE_MS);
const fromStart = peaks(restarted);
const hostile = APP_NAMES.map((name) => ({ name, peakMib: Math.max(whileRunning[name]!, fromStart[name]!) }));
console.table(hostile);
console.log(JSON.stringify({ bench: 'memory', controllers, hostile }));
await stopAll(restarted);
await client.close();

async function startAll(): Promise<RunningApp[]> {
  const started: RunningApp[] = [];
  for (const app of APP_NAMES) started.push(await stand.startApp(app));
  return started;
}

async function stopAll(running: readonly RunningApp[]): Promise<void> {
  await Promise.all(running.map(({ process }) => process.stop()));
}

function peaks(running: readonly RunningApp[]): Record<string, number> {
  return Object.fromEntries(running.map(({ name, process }) => [name, peakMib(process.pid)]));
}

function aLargePool(name: string): Resource {
  const template = { metadata: { annotations: { note: 'x'.repeat(HOSTILE.templateBytes) } } };
  const spec = { image: 'registry.example/worker', version: '1', queues: ['idle'], template };
  return { ...typeMeta(WORKER_POOLS), metadata: { name, namespace: stand.namespace }, spec } as Resource;
}

async function allRefused(): Promise<boolean> {
  const reasons = '{.items[*].status.conditions[?(@.type=="Ready")].reason}';
  const found = await stand.controlPlane.kubectl('get', 'workerpools', '-n', stand.namespace, `-o=jsonpath=${reasons}`);
  return found.split(' ').filter((reason) => reason === 'TemplateInvalid').length === HOSTILE.pools;
}
