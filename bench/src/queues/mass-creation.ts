import { QUEUES, type QueueStatus } from '@redis-queue/api';
import { loadKubeClient, type KubeClient } from '@redis-queue/controller';
import { hundredths } from '../measuring/percentile.ts';
import { inFlight } from '../cluster-objects/in-flight.ts';
import { ObjectWatch } from '../cluster-objects/object-watch.ts';
import { ALONE, IN_FLIGHT } from '../fleet/fleet.ts';
import { countWrites } from '../measuring/api-writes.ts';
import { processCpuMs } from '../measuring/process-cpu.ts';
import { growth } from '../measuring/prometheus.ts';
import type { Stand } from '../stand/stand.ts';
import {
  createBare,
  createNamespaces,
  createQueue,
  placesIn,
  untilReady,
  type Place,
  type QueueObject,
} from './queue-objects.ts';

export interface MassCreationOptions {
  readonly queues: number;
  readonly namespaces: number;
  readonly print: (line: string) => void;
}

export interface MassCreationResult {
  readonly ratioToBare: number;
  readonly perSecond: number;
  readonly barePerSecond: number;
  /** Of the controller, ms. */
  readonly cpuMsPerQueue: number;
}

/**
 * Creates many Queues, and measures until all are Ready; and until as many are created and have a status that the bench
 * writes itself, with as many requests at once. The order is bare, ours, bare, so that a slow drift of the machine falls
 * on both.
 */
export async function runMassCreation(
  stand: Stand,
  { queues, namespaces, print }: MassCreationOptions,
): Promise<MassCreationResult> {
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath, maxConnections: IN_FLIGHT });
  const end = new AbortController();
  try {
    print(`creating ${namespaces} namespaces`);
    const names = await createNamespaces(client, stand, namespaces);
    const app = await stand.startApp('queue-controller', ALONE);
    const status = await statusOfOurs(client, placesIn(names, 'model', 1)[0]!, end.signal);
    await app.process.stop();

    const bareMs: number[] = [];
    const bare = async (prefix: string): Promise<void> => {
      const places = placesIn(names, prefix, queues);
      const startedMs = performance.now();
      await inFlight(places, IN_FLIGHT, (place) => createBare(client, place, status));
      bareMs.push(performance.now() - startedMs);
      print(`bare: ${Math.round(bareMs.at(-1)!)} ms`);
      await inFlight(places, IN_FLIGHT, async (place) => void (await client.delete(QUEUES, place)));
    };
    await bare('bare-a');
    const controller = await stand.startApp('queue-controller', ALONE);
    const before = await countWrites(stand.controlPlane);
    const cpuFromMs = processCpuMs(controller.process.pid);
    const oursMs = await measureCreation(client, placesIn(names, 'ours', queues), end.signal);
    const cpuMs = processCpuMs(controller.process.pid) - cpuFromMs;
    print(`ours: ${Math.round(oursMs)} ms`);
    for (const [request, by] of growth(before, await countWrites(stand.controlPlane)))
      print(`  ${String(by).padStart(6)} ${request}`);
    await controller.process.stop('SIGTERM');
    await bare('bare-b');
    const meanBareMs = (bareMs[0]! + bareMs[1]!) / 2;
    return {
      ratioToBare: hundredths(oursMs / meanBareMs),
      perSecond: Math.round((1_000 * queues) / oursMs),
      barePerSecond: Math.round((1_000 * queues) / meanBareMs),
      cpuMsPerQueue: hundredths(cpuMs / queues),
    };
  } finally {
    end.abort();
    await client.close();
  }
}

/** From the first create to the last Queue that is Ready, ms. */
async function measureCreation(client: KubeClient, places: readonly Place[], signal: AbortSignal): Promise<number> {
  const watch = await ObjectWatch.start<QueueObject>(client, QUEUES, undefined, signal);
  const startedMs = performance.now();
  await inFlight(places, IN_FLIGHT, async (place) => void (await createQueue(client, place)));
  return (await untilReady(watch, places)) - startedMs;
}

async function statusOfOurs(client: KubeClient, place: Place, signal: AbortSignal): Promise<QueueStatus> {
  const watch = await ObjectWatch.start<QueueObject>(client, QUEUES, place.namespace, signal);
  await createQueue(client, place);
  await untilReady(watch, [place]);
  return watch.objects.get(place.name)!.status!;
}
