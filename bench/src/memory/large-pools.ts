import { setTimeout as sleep } from 'node:timers/promises';
import { WORKER_POOLS } from '@redis-queue/api';
import { loadKubeClient, typeMeta, type Resource } from '@redis-queue/controller';
import { APP_NAMES, eventually } from '@redis-queue/rig';
import { peakMib } from '../measuring/resident.ts';
import type { RunningApp, Stand } from '../stand/stand.ts';

const POOLS = 30;
const TEMPLATE_BYTES = 1_000_000;

export interface PeakMemory {
  readonly name: string;
  readonly peakMib: number;
}

/**
 * The greatest memory of each app when pools come that are as large as the API server takes them, and when it starts
 * with them.
 */
export async function measureLargePools(stand: Stand, settleMs: number): Promise<PeakMemory[]> {
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath });
  try {
    await stand.applyQueueAndPool('small');
    const apps = await startAll(stand);
    // Not by kubectl apply, which notes all of it in an annotation that may have 256 KiB.
    for (let n = 0; n < POOLS; n++) await client.create(WORKER_POOLS, aLargePool(stand.namespace, `large-${n}`));
    await eventually(() => allRefused(stand), { timeoutMs: 60_000, intervalMs: 1_000 });
    const whileRunning = peaks(apps);
    await stopAll(apps);
    const restarted = await startAll(stand);
    await sleep(settleMs);
    const fromStart = peaks(restarted);
    await stopAll(restarted);
    return APP_NAMES.map((name) => ({ name, peakMib: Math.max(whileRunning[name]!, fromStart[name]!) }));
  } finally {
    await client.close();
  }
}

async function startAll(stand: Stand): Promise<RunningApp[]> {
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

function aLargePool(namespace: string, name: string): Resource {
  const template = { metadata: { annotations: { note: 'x'.repeat(TEMPLATE_BYTES) } } };
  const spec = { image: 'registry.example/worker', version: '1', queues: ['small'], template };
  return { ...typeMeta(WORKER_POOLS), metadata: { name, namespace }, spec } as Resource;
}

async function allRefused({ controlPlane, namespace }: Stand): Promise<boolean> {
  const reasons = '{.items[*].status.conditions[?(@.type=="Ready")].reason}';
  const found = await controlPlane.kubectl('get', 'workerpools', '-n', namespace, `-o=jsonpath=${reasons}`);
  return found.split(' ').filter((reason) => reason === 'TemplateInvalid').length === POOLS;
}
