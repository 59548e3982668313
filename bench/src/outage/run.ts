import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import type { OutageCase } from './cases.ts';
import { startOutageLoad } from './load.ts';
import type { OutageStand } from './stand.ts';

export interface OutageResult {
  readonly name: string;
  /** How often the pool got smaller from when something went missing until some time after it was back. */
  readonly shrinks: number;
  /** Of a second, from when it was back, or the burst was there if that is later; undefined: not within the time. */
  readonly ticksToRightSize: number | undefined;
  /** The same, ms. */
  readonly msToRightSize: number | undefined;
  /** Sizes of the Deployment from when something went missing, oldest first. */
  readonly sizes: readonly number[];
}

export const TICK_MS = 1_000;
/**
 * More jobs than the largest size works off within the wait target: the size that it should have does not depend on
 * chance.
 */
const BURST = 4_000;
const MAX_REPLICAS = 30;
const CONCURRENCY = 2;
/**
 * 20 jobs per second that take half a second each keep ten slots busy, five pods' worth, with some more for the waits.
 */
const STEADY_EVERY_MS = 50;
const STEADY_REPLICAS = 5;
const WINDOW_SECONDS = 10;
/**
 * Unchanged for longer than the window and than the history that a shrink needs: nothing but the outage holds or moves
 * the size.
 */
const SETTLED_MS = 11_000;
/** With the outage before it, longer than the window: what was misread shows as a shrink by then. */
const AFTERWARDS_MS = 8_000;
const TIMEOUT_MS = 60_000;

/** Tries one case on a pool of its own. @param seconds how long the outage lasts, where the case does not say. */
export async function runOutageCase(each: OutageCase, stand: OutageStand, seconds: number): Promise<OutageResult> {
  const { name, atZero = false } = each;
  const { client, namespace, deployments } = stand;
  await using load = startOutageLoad(stand.queues, name, atZero ? undefined : STEADY_EVERY_MS);
  const metadata = { name, namespace };
  const size = (): number | undefined => deployments.objects.get(name)?.spec.replicas;
  const sizes: number[] = [];
  let changedMs = performance.now();
  const stopWatching = deployments.onChange(({ metadata: changed, spec }) => {
    if (changed.name !== name || spec.replicas === sizes.at(-1)) return;
    load.setSlots(spec.replicas * CONCURRENCY);
    sizes.push(spec.replicas);
    changedMs = performance.now();
  });
  await client.create(QUEUES, queueOf(metadata));
  await client.create(WORKER_POOLS, poolOf(metadata, atZero));
  const isSteady = (): boolean => (atZero ? size() === 0 : (size() ?? 0) >= STEADY_REPLICAS);
  await eventually(() => isSteady() && performance.now() - changedMs >= SETTLED_MS, {
    timeoutMs: 2 * TIMEOUT_MS,
    description: `${name} to have the size of its steady load`,
  });

  const outageMs = (each.seconds ?? seconds) * 1_000;
  sizes.splice(0, Infinity, size() ?? 0);
  await each.strike(stand);
  await sleep(outageMs / 2);
  if (each.burst === 'during') await load.burst(BURST);
  await sleep(outageMs / 2);
  await each.recover(stand);
  if (each.burst === 'after') await load.burst(BURST);
  const backMs = performance.now();
  const rightMs = await eventually(() => size() === MAX_REPLICAS && performance.now(), {
    timeoutMs: TIMEOUT_MS,
    intervalMs: 5,
  }).catch(() => undefined);
  await sleep(AFTERWARDS_MS);
  stopWatching();
  await client.delete(WORKER_POOLS, metadata);
  await client.delete(QUEUES, metadata);
  const msToRightSize = rightMs === undefined ? undefined : Math.max(0, Math.round(rightMs - backMs));
  return {
    name,
    shrinks: sizes.filter((replicas, n) => n > 0 && replicas < sizes[n - 1]!).length,
    ticksToRightSize: msToRightSize === undefined ? undefined : Math.ceil(msToRightSize / TICK_MS),
    msToRightSize,
    sizes,
  };
}

function queueOf(metadata: Resource['metadata']): Resource {
  return { apiVersion: 'redis-queue.io/v1', kind: 'Queue', metadata, spec: {} } as Resource;
}

/** A pool that shrinks soon, so that what is misread shows. */
function poolOf(metadata: Resource['metadata'], atZero: boolean): Resource {
  return {
    apiVersion: 'redis-queue.io/v1',
    kind: 'WorkerPool',
    metadata,
    spec: {
      image: 'registry.example/worker',
      version: '1',
      queues: [metadata.name],
      concurrency: CONCURRENCY,
      autoscaling: {
        minReplicas: atZero ? 0 : 1,
        maxReplicas: MAX_REPLICAS,
        targetMetrics: { latencyP95: '5s' },
        behavior: { scaleDown: { stabilizationWindowSeconds: WINDOW_SECONDS } },
      },
    },
  } as Resource;
}
