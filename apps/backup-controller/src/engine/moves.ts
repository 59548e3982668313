import { queueId, serverOf, type QueueRef } from '@redis-queue/bullmq';
import type { QueueTarget } from './targets.ts';

/** A queue of a backup and where it goes. */
export interface QueueMove extends QueueTarget {
  /** The queue in Redis that was backed up. */
  readonly from: QueueRef;
  /** Where that Redis was, as the backup says. */
  readonly fromRedis: string;
  /**
   * Where the queues go that shared a Redis with this one and do so again, both as `prefix:name`; undefined: the queue is
   * none of them. Flows lead no farther than that.
   */
  readonly rename: (queueKey: string) => string | undefined;
}

/** The same with what each queue can go on reaching. */
export function renamesOf(moves: readonly Omit<QueueMove, 'rename'>[]): QueueMove[] {
  return moves.map((move) => {
    const together = moves.filter(
      (other) => other.fromRedis === move.fromRedis && serverOf(other.target) === serverOf(move.target),
    );
    const renames = new Map(together.map(({ from, ref }) => [queueId(from), queueId(ref)]));
    return { ...move, rename: (queueKey) => renames.get(queueKey) };
  });
}
