import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES } from '@redis-queue/api';
import {
  DEPLOYMENTS,
  loadKubeClient,
  type KubeClient,
  type Resource,
  type ResourceType,
} from '@redis-queue/controller';
import { APP_NAMES } from '@redis-queue/rig';
import { ObjectWatch, untilNone } from '../cluster-objects/object-watch.ts';
import { ALONE, createFleet, IN_FLIGHT, untilManaged } from '../fleet/fleet.ts';
import { processCpuMs } from '../measuring/process-cpu.ts';
import { tenths } from '../measuring/percentile.ts';
import { measureIdle } from '../measuring/resident.ts';
import { createNamespaces, type QueueObject } from '../queues/queue-objects.ts';
import type { RunningApp, Stand } from '../stand/stand.ts';

export interface GrowthOptions {
  /** Queues, and as many WorkerPools on one queue each. */
  readonly objects: number;
  /** Of each app, MiB. */
  readonly heapMib: number;
  readonly settleMs: number;
  /** Seconds for the memory. */
  readonly samples: number;
  /** For the processors, after that. */
  readonly cpuMs: number;
  readonly print: (line: string) => void;
}

export interface AppUse {
  readonly name: string;
  /** Resident, median. */
  readonly mib: number;
  /** Thousandths of one processor. */
  readonly cpuMillicores: number;
}

/** Statuses are written 20 per second; the controller of Deployments is not much faster. Half an hour for 9,000 of each. */
const SETTLED_TIMEOUT_MS = 1_800_000;

/**
 * What each app uses at rest beside so many objects, all made while it ran: every Queue has counts, every pool its
 * Deployment. The objects stay.
 *
 * @param prefix of the objects' names.
 */
export async function measureBeside(stand: Stand, prefix: string, options: GrowthOptions): Promise<AppUse[]> {
  const { objects, heapMib, settleMs, samples, cpuMs, print } = options;
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath, maxConnections: IN_FLIGHT });
  const apps: RunningApp[] = [];
  try {
    for (const app of APP_NAMES) apps.push(await stand.startAppOfHeap(heapMib, app, ALONE));
    if (objects > 0) {
      print(`creating ${objects} Queues and ${objects} WorkerPools`);
      const [namespace] = await createNamespaces(client, stand, 1);
      await createFleet(client, namespace!, { pools: objects, queues: objects, prefix });
      print('until every pool has its Deployment, and every Queue its counts');
      await untilManaged(client, namespace!, objects, SETTLED_TIMEOUT_MS);
      await untilAll(client, QUEUES, ({ status }) => status?.sampledAt !== undefined, 'Queues to have counts');
      // Until then each of them moves, and the pools' controller is told.
      await untilAll(
        client,
        DEPLOYMENTS,
        ({ metadata, status }) => status?.observedGeneration === metadata.generation,
        'Deployments to be seen by their controller',
      );
    }
    print(
      `settling for ${settleMs / 1000} s, then ${samples} samples a second apart, then ${cpuMs / 1000} s for the CPU`,
    );
    await sleep(settleMs);
    const memory = await measureIdle(apps, samples);
    const before = apps.map(({ process }) => processCpuMs(process.pid));
    const startMs = performance.now();
    await sleep(cpuMs);
    const elapsedMs = performance.now() - startMs;
    return apps.map(({ name, process }, index) => ({
      name,
      mib: memory.find((each) => each.name === name)!.idleMib,
      cpuMillicores: tenths((1000 * (processCpuMs(process.pid) - before[index]!)) / elapsedMs),
    }));
  } finally {
    await Promise.all(apps.map(({ process }) => process.stop()));
    await client.close();
  }
}

interface SeenDeployment extends Resource {
  readonly status?: { readonly observedGeneration?: number };
}

async function untilAll(
  client: KubeClient,
  type: ResourceType,
  isFit: (object: QueueObject & SeenDeployment) => boolean,
  description: string,
): Promise<void> {
  const end = new AbortController();
  try {
    const watch = await ObjectWatch.start<QueueObject & SeenDeployment>(client, type, undefined, end.signal);
    await untilNone([watch.unfit(isFit)], SETTLED_TIMEOUT_MS, `all ${description}`);
  } finally {
    end.abort();
  }
}
