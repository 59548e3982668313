import type { UnseenQueue } from '@redis-queue/scaling';
import type { ScaledPool, Topology } from './topology.ts';

/** Which queues pools cannot see in `next`, other than those that they could not see in `before` for the same reason. Pure. */
export function newlyUnseen(
  before: Pick<Topology, 'pools'>,
  next: Pick<Topology, 'pools'>,
): ({ readonly pool: string } & UnseenQueue)[] {
  return [...next.pools.values()].flatMap((pool) => {
    const known = unseenOf(before.pools.get(pool.key));
    return unseenOf(pool)
      .filter(({ queue, message }) => !known.some((other) => other.queue === queue && other.message === message))
      .map((queue) => ({ pool: pool.key, ...queue }));
  });
}

function unseenOf(pool: ScaledPool | undefined): UnseenQueue[] {
  return pool?.queues.filter((queue) => 'unseen' in queue) ?? [];
}
