import { tryReadMarks, type OwnerMark } from '@redis-queue/bullmq';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import type { DutyTurn } from './duty.ts';

/** A queue that is this object's. */
export interface OwnQueue {
  readonly queue: QueueObject;
  readonly mark: OwnerMark;
  /** As stored: what is written is fenced by it. */
  readonly rawOwnerMark: string;
}

/** Reads which of the queues are their objects' now; the others are reported, to be looked at again. */
export async function readOwnQueues(
  queues: readonly QueueObject[],
  turn: DutyTurn,
  againMs: number,
): Promise<OwnQueue[]> {
  const found = await turn.call((redis) => tryReadMarks(redis, queues.map(queueRef)));
  return queues.flatMap((queue, index) => {
    const read = found[index]!;
    if (read instanceof Error) {
      turn.report(queue, { dueMs: againMs, error: read });
      return [];
    }
    const { rawOwnerMark } = read;
    const mark = turn.ownMark(queue, rawOwnerMark);
    if (mark && rawOwnerMark !== undefined) return [{ queue, mark, rawOwnerMark }];
    turn.report(queue, { dueMs: againMs, notOwn: true });
    return [];
  });
}
