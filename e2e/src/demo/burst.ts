import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { forward, type Cluster } from '@redis-queue/rig/pods';
import type { Balance } from '../ledger/balance.ts';
import { planBurst, type BurstSize } from '../ledger/plan.ts';
import { createProducer, type Producer } from '../ledger/producer.ts';
import type { Site } from '../site/site.ts';
import { createScreen, type Frame } from './display.ts';
import { podsOf, watchPool, type PoolWatch } from './pool-watch.ts';
import type { Course } from './result.ts';

export interface BurstOptions {
  cluster: Cluster;
  site: Site;
  queue: string;
  pool: string;
  size: BurstSize;
  /** Called once when the burst is under way; for tests that break something meanwhile. */
  meanwhile?: () => Promise<void>;
  /** How long to wait for the drained queue, and then for a pool without pods. */
  timeoutMs?: number;
  out?: NodeJS.WriteStream;
}

const FRAME_MS = 1_000;

/** Adds a burst, shows what happens until every job has ended and the pool is back at 0, and checks the ledger. */
export async function runBurst(options: BurstOptions): Promise<{ ledger: Balance; course: Course }> {
  const { cluster, site, queue, pool, size, out = process.stderr, timeoutMs = 180_000 } = options;
  const tunnel = await forward(cluster, site.namespace, 'service/redis', 6379);
  const producer = createProducer(site.url('producer', tunnel.port), queue);
  const end = new AbortController();
  try {
    const watch = watchPool(cluster, site.namespace, pool, end.signal);
    const startedMs = performance.now();
    const since = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms - startedMs);
    const adding = producer.add(planBurst(randomBytes(4).toString('hex'), size, Math.random));
    const breaking = options.meanwhile?.();
    breaking?.catch(() => undefined); // a failure is reported where it is awaited, not before
    const screen = createScreen(out);
    const show = frames(producer, watch, startedMs, screen.show);
    await adding;

    const drainedMs = await until(show, timeoutMs, async () => {
      const { added, ended } = await producer.ended();
      return ended >= added;
    });
    await breaking;
    const emptyMs = drainedMs && (await until(show, timeoutMs, () => backToZero(cluster, site.namespace, pool, watch)));
    const course: Course = {
      maxReplicas: watch.largest,
      firstDecisionMs: since(watch.firstWantedMs),
      firstPodReadyMs: since(watch.firstReadyMs),
      drainedMs: since(drainedMs),
      backToZeroMs: since(emptyMs),
    };
    return { ledger: await producer.balance(), course };
  } finally {
    end.abort();
    producer.close();
    tunnel.close();
  }
}

async function backToZero(cluster: Cluster, namespace: string, pool: string, { now }: PoolWatch): Promise<boolean> {
  return now.wanted === 0 && (await podsOf(cluster, namespace, pool)) === 0;
}

function frames(producer: Producer, { now }: PoolWatch, startedMs: number, show: (frame: Frame) => void) {
  return async (): Promise<void> => {
    const [depth, waitP95Ms] = await Promise.all([producer.depth(), producer.waitP95Ms()]);
    show({ elapsedMs: performance.now() - startedMs, depth, waitP95Ms, pool: { ...now } });
  };
}

/** Shows one frame per second until `over`; the time it was, or undefined when `timeoutMs` passed first. */
async function until(
  show: () => Promise<void>,
  timeoutMs: number,
  over: () => Promise<boolean>,
): Promise<number | undefined> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    await show();
    if (await over()) return performance.now();
    await sleep(FRAME_MS);
  }
  return undefined;
}
