import { QUEUES, type QueueStatus } from '@redis-queue/api';
import { loadKubeClient } from '@redis-queue/controller';
import { inFlight } from '../cluster-objects/in-flight.ts';
import { ObjectWatch } from '../cluster-objects/object-watch.ts';
import { ALONE, IN_FLIGHT } from '../fleet/fleet.ts';
import { hundredths, percentile, tenths } from '../measuring/percentile.ts';
import type { Stand } from '../stand/stand.ts';
import { createBare, createNamespaces, createQueue, placesIn, untilReady, type QueueObject } from './queue-objects.ts';

export interface LatencyOptions {
  /** Queues that are there all the time. */
  readonly existing: number;
  readonly tries: number;
  readonly print: (line: string) => void;
}

export interface LatencyResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bareP50Ms: number;
  readonly p50RatioToBare: number;
}

const WARM_UP = 20;

/**
 * Creates Queues one at a time beside those that exist, and measures until each is Ready, as a watch sees it; in turn
 * with a bare create and status by the bench itself, in a namespace that the controller does not watch.
 */
export async function runLatency(stand: Stand, { existing, tries, print }: LatencyOptions): Promise<LatencyResult> {
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath });
  const end = new AbortController();
  try {
    const [bare, namespace] = await createNamespaces(client, stand, 2);
    const names = [namespace!];
    const controller = await stand.startApp('queue-controller', ALONE, `--namespace-scope=${namespace}`);
    const watch = await ObjectWatch.start<QueueObject>(client, QUEUES, undefined, end.signal);
    const others = placesIn(names, 'existing', existing);
    await inFlight(others, IN_FLIGHT, async (place) => void (await createQueue(client, place)));
    await untilReady(watch, others);
    print(`${existing} Queues are Ready`);
    const status: QueueStatus = watch.objects.get(others[0]!.name)!.status!;
    const [ours, bares]: [number[], number[]] = [[], []];
    for (let attempt = -WARM_UP; attempt < tries; attempt++) {
      const place = placesIn(names, `queue-${attempt + WARM_UP}`, 1)[0]!;
      const startedMs = performance.now();
      await createQueue(client, place);
      const readyMs = (await untilReady(watch, [place])) - startedMs;
      const bareFromMs = performance.now();
      await createBare(client, { namespace: bare!, name: `bare-${attempt + WARM_UP}` }, status);
      const bareMs = performance.now() - bareFromMs;
      if (attempt < 0) continue;
      ours.push(readyMs);
      bares.push(bareMs);
      if ((attempt + 1) % 100 === 0) print(`${attempt + 1}/${tries}`);
    }
    await controller.process.stop();
    const [p50Ms, bareP50Ms] = [percentile(ours, 0.5), percentile(bares, 0.5)];
    return {
      p50Ms: tenths(p50Ms),
      p99Ms: tenths(percentile(ours, 0.99)),
      bareP50Ms: tenths(bareP50Ms),
      p50RatioToBare: hundredths(p50Ms / bareP50Ms),
    };
  } finally {
    end.abort();
    await client.close();
  }
}
