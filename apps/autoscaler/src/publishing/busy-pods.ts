import type { ActiveHolders } from '@redis-queue/bullmq';
import type { RedisEye } from '../sampling/redis-reader.ts';
import type { ScaledPool, WatchedQueue } from '../watching/topology.ts';

/** Active jobs by pod; a pod that is not in it runs none. */
export type BusyPods = Readonly<Record<string, number>>;

/** About 60 KB of a decision; with more pods than this at work the message does without. */
const MOST_PODS = 1_000;

/**
 * Who runs the pool's active jobs now, over all its queues, for the consumer to take idle pods first.
 *
 * @returns undefined when that is not known: a queue cannot be read in time, or has too many active jobs.
 */
export async function readBusyPods(
  pool: ScaledPool,
  queues: ReadonlyMap<string, WatchedQueue>,
  eyeOf: (targetKey: string) => Pick<RedisEye, 'holders'> | undefined,
): Promise<BusyPods | undefined> {
  const watched = pool.queues.map((queue) => ('id' in queue ? queues.get(queue.id) : undefined));
  if (watched.some((queue) => queue === undefined)) return undefined;
  const byTarget = Map.groupBy(watched as WatchedQueue[], ({ targetKey }) => targetKey);
  const reads = [...byTarget].map(async ([target, group]) => await eyeOf(target)?.holders(group));
  return busyPods(pool.name, await Promise.all(reads));
}

/**
 * Of the holders of a pool's queues those that are its pods. Pure. A Deployment's pods are named after it; other
 * holders are other pools' pods or workers outside the cluster, which no change of this size touches.
 *
 * @returns undefined when nothing is known, or too much to send.
 */
export function busyPods(pool: string, reads: readonly (ActiveHolders | undefined)[]): BusyPods | undefined {
  const pods = new Map<string, number>();
  let unnamed = 0;
  for (const read of reads) {
    if (read === undefined) return undefined;
    unnamed += read.unnamed;
    for (const [worker, jobs] of read.jobsByWorker) {
      if (worker.startsWith(`${pool}-`)) pods.set(worker, (pods.get(worker) ?? 0) + jobs);
    }
  }
  // Workers that give no name run what is active: none of the pods can be called idle.
  if (pods.size === 0 && unnamed > 0) return undefined;
  return pods.size > MOST_PODS ? undefined : Object.fromEntries(pods);
}
