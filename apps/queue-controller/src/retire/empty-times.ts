import type { Queue } from '@redis-queue/api';
import type { QueueSample } from '@redis-queue/bullmq';
import { systemClock, type ObjectMemory } from '@redis-queue/controller';

interface Empty {
  readonly sinceMs: number;
  /** BullMQ's counter of jobs: another one says that jobs came in between. */
  readonly addCounter: number | undefined;
}

/**
 * Since when this process has found each retired queue empty, by a clock that nobody sets. After a restart it begins
 * anew, and the queue is drained later.
 */
export class EmptyTimes implements ObjectMemory {
  readonly #empty = new Map<string, Empty>();
  readonly #nowMs: () => number;

  /** @param nowMs monotonic, in ms. */
  constructor(nowMs: () => number = () => systemClock.now()) {
    this.#nowMs = nowMs;
  }

  /**
   * Takes a sample down. @returns for how many ms no job has waited, run or been delayed; undefined while one does, or
   * while the queue is not retired.
   */
  note({ metadata: { uid = '' }, spec }: Queue, sample: QueueSample | undefined): number | undefined {
    if (spec.retire !== true || !sample || openJobs(sample) > 0) {
      this.forget(uid);
      return undefined;
    }
    const nowMs = this.#nowMs();
    const { addCounter } = sample;
    const known = this.#empty.get(uid);
    const since = known && known.addCounter === addCounter ? known : { sinceMs: nowMs, addCounter };
    this.#empty.set(uid, since);
    return nowMs - since.sinceMs;
  }

  forget(uid: string): void {
    this.#empty.delete(uid);
  }
}

/** Jobs that wait, run or are delayed; flow parents that wait for children too, and what a v5 client left. */
export function openJobs(sample: QueueSample): number {
  const { waiting, prioritized, active, delayed, waitingChildren, legacyPaused } = sample;
  return waiting + prioritized + active + delayed + waitingChildren + legacyPaused;
}
