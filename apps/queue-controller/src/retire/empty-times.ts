import { keepsDeadLetters, type Queue, type QueueSpec } from '@redis-queue/api';
import type { QueueSample } from '@redis-queue/bullmq';
import { systemClock, type ObjectMemory } from '@redis-queue/controller';

/** A look at a retired queue. */
interface Look {
  readonly sample?: QueueSample | undefined;
  /** The newest event of a job that came or ran; absent: it cannot be seen. */
  readonly lastRun?: string | undefined;
}

/** When the queue was found empty, and what tells that jobs came and ran since the last look. */
interface Empty {
  readonly sinceMs: number;
  readonly sample: QueueSample;
  readonly lastRun: string | undefined;
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
   * Takes a look down. @returns for how many ms no job has waited, run or been delayed; undefined while one does, or
   * while the queue is not retired.
   */
  note({ metadata: { uid = '' }, spec }: Queue, { sample, lastRun }: Look): number | undefined {
    if (spec.retire !== true || !sample || openJobs(sample, spec) > 0) {
      this.forget(uid);
      return undefined;
    }
    const nowMs = this.#nowMs();
    const known = this.#empty.get(uid);
    const sinceMs = known && !hasRun(known, sample, lastRun) ? known.sinceMs : nowMs;
    this.#empty.set(uid, { sinceMs, sample, lastRun: lastRun ?? known?.lastRun });
    return nowMs - sinceMs;
  }

  forget(uid: string): void {
    this.#empty.delete(uid);
  }
}

/**
 * Whether jobs came or ran since the last look. Finished ones that are fewer were removed; the counts are for a queue that
 * keeps no events.
 */
function hasRun({ sample: before, lastRun: lastBefore }: Empty, sample: QueueSample, lastRun?: string): boolean {
  const isLater = lastRun !== undefined && lastRun !== lastBefore;
  const { addCounter, completed, failed } = sample;
  return isLater || addCounter !== before.addCounter || completed > before.completed || failed > before.failed;
}

/**
 * Jobs that wait, run or are delayed; flow parents that wait for children too, what a v5 client left, and, where
 * `dlqPolicy` may run them again, those that have failed.
 */
function openJobs(sample: QueueSample, spec: QueueSpec): number {
  const { waiting, prioritized, active, delayed, waitingChildren, legacyPaused } = sample;
  return waiting + prioritized + active + delayed + waitingChildren + legacyPaused + unsettledJobs(sample, spec);
}

/** Failed jobs that are still to run again or to become dead letters. */
export function unsettledJobs({ failed }: QueueSample, spec: QueueSpec): number {
  return keepsDeadLetters(spec) ? failed : 0;
}
