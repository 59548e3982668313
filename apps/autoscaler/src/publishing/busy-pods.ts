import type { ActiveHolders } from '@redis-queue/bullmq';
import type { ScaledPool, WatchedQueue } from '../watching/topology.ts';

/** By pod name its active jobs, and for how long they have run in all; a pod that is not listed runs none. */
export type BusyPods = Readonly<Record<string, BusyPod>>;

export interface BusyPod {
  readonly jobs: number;
  readonly runMs: number;
}

/** What a pod of a Deployment may be called. Whoever may write to a queue may name anything as the worker of its jobs. */
const POD_NAME = /^[a-z0-9.-]{1,63}$/;
/** At most 160 KB of a message; when more pods than this are at work, none are named. */
const MOST_PODS = 1_000;

/** Reads who holds the active jobs of queues in one Redis. */
export interface HolderReader {
  /** @returns undefined when there are too many, or when they cannot be read in time. */
  holders(queues: readonly WatchedQueue[]): Promise<ActiveHolders | undefined>;
}

/**
 * Which pods run the pool's active jobs now, over all its queues, so that the consumer can take those pods first that
 * lose least.
 *
 * @returns undefined when that is not known: a queue cannot be read in time, or has too many active jobs.
 */
export async function readBusyPods(
  pool: ScaledPool,
  queues: ReadonlyMap<string, WatchedQueue>,
  readerOf: (targetKey: string) => HolderReader | undefined,
): Promise<BusyPods | undefined> {
  const watched = pool.queues.map((queue) => ('id' in queue ? queues.get(queue.id) : undefined));
  if (watched.some((queue) => queue === undefined)) return undefined;
  const byTarget = Map.groupBy(watched as WatchedQueue[], ({ targetKey }) => targetKey);
  const reads = [...byTarget].map(async ([target, group]) => await readerOf(target)?.holders(group));
  const pools = (watched as WatchedQueue[]).flatMap((queue) =>
    queue.pools.map((key) => key.slice(key.indexOf('/') + 1)),
  );
  return busyPods(pool.name, await Promise.all(reads), pools);
}

/**
 * Those holders of jobs in a pool's queues that are its pods. Pure. A Deployment's pods are named after it; other
 * holders are other pools' pods or workers outside the cluster, which a change of this pool's size does not affect.
 *
 * @param pools the pools on these queues: one may have a name that begins with that of another.
 * @returns undefined when nothing is known, or too much to send.
 */
export function busyPods(
  pool: string,
  reads: readonly (ActiveHolders | undefined)[],
  pools: readonly string[] = [],
): BusyPods | undefined {
  const longer = pools.filter((other) => isOf(pool, other));
  const pods = new Map<string, BusyPod>();
  let unnamed = 0;
  for (const read of reads) {
    if (read === undefined) return undefined;
    unnamed += read.unnamed;
    for (const [worker, jobs] of read.jobsByWorker) {
      if (isOf(pool, worker) && !longer.some((other) => isOf(other, worker)))
        pods.set(worker, plus(pods.get(worker), { jobs, runMs: read.runMsByWorker.get(worker) ?? 0 }));
    }
  }
  // Workers without a name run the active jobs: no pod can be called idle.
  if (pods.size === 0 && unnamed > 0) return undefined;
  return pods.size > MOST_PODS ? undefined : Object.fromEntries(pods);
}

function plus({ jobs, runMs }: BusyPod = { jobs: 0, runMs: 0 }, more: BusyPod): BusyPod {
  return { jobs: jobs + more.jobs, runMs: runMs + more.runMs };
}

function isOf(pool: string, name: string): boolean {
  return name.startsWith(`${pool}-`) && POD_NAME.test(name);
}
