import type { Queue } from '@redis-queue/api';
import {
  retentionLimits,
  retentionRound,
  type LimitedQueue,
  type RetentionCursors,
  type RetentionLimits,
  type RetentionResult,
} from '@redis-queue/bullmq';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import { counted, type Duty, type DutyOutcome, type DutyTurn, type UpkeepNotice } from './duty.ts';
import { readOwnQueues, type OwnQueue } from './marked.ts';

/** From round to round of those that have more to be removed, or failed. */
const EVERY_MS = 5_000;
/** Of a queue from which all is removed that is over its limits. */
const DONE_MS = 30_000;
/** What is over its time for longer is said, while there is more to be removed than a turn can do. */
const LATE_MS = 10 * 60_000;

export interface RetentionSettings {
  readonly everyMs?: number;
  readonly doneMs?: number;
}

/** Removes what is over the limits of `spec.retention`, and sets the length of the stream of events back. */
export class RetentionDuty implements Duty {
  readonly name = 'retention';
  readonly conditions = ['RetentionBehind', 'UpkeepFailed'] as const;
  readonly everyMs: number;
  readonly #doneMs: number;
  /**
   * Where the next round goes on under the same owner mark, by uid: in another Redis it is another. They may be lost.
   */
  readonly #cursors = new Map<string, { readonly mark: string; readonly cursors: RetentionCursors }>();

  constructor({ everyMs = EVERY_MS, doneMs = DONE_MS }: RetentionSettings = {}) {
    this.everyMs = everyMs;
    this.#doneMs = doneMs;
  }

  wants({ spec }: Queue): boolean {
    return spec.retention !== undefined;
  }

  forgetAllBut(uids: ReadonlySet<string>): void {
    for (const uid of this.#cursors.keys()) if (!uids.has(uid)) this.#cursors.delete(uid);
  }

  async work(queues: readonly QueueObject[], turn: DutyTurn): Promise<void> {
    const own = await readOwnQueues(queues, turn, this.everyMs);
    const limited = own.map((each) => {
      const known = this.#cursors.get(each.queue.metadata.uid ?? '');
      return { ...limitedQueue(each), cursors: known?.mark === each.rawOwnerMark ? known.cursors : undefined };
    });
    const results = await retentionRound(limited, { ...turn, roundMs: turn.endMs - turn.now() });
    own.forEach(({ queue, rawOwnerMark: mark }, index) => {
      const result = results[index]!;
      const { uid = '' } = queue.metadata;
      if (result.cursors) this.#cursors.set(uid, { mark, cursors: result.cursors });
      else this.#cursors.delete(uid);
      const dueMs = result.unfinished || result.rests || result.error ? 0 : this.#doneMs;
      turn.report(queue, { dueMs, ...outcomeOf(result, limited[index]!.limits) });
    });
  }
}

/** A limit of the stream is only written once the mark says that it will have to be cleared. */
function limitedQueue({ queue, mark, rawOwnerMark }: OwnQueue): LimitedQueue {
  const { maxEvents, ...limits } = retentionLimits(queue.spec) ?? {};
  return {
    queue: queueRef(queue),
    tenant: queue.metadata.namespace ?? '',
    mark: rawOwnerMark,
    limits: {
      leavesDeadLetters: false,
      ...limits,
      ...(maxEvents !== undefined && mark.managed.includes('maxEvents') && { maxEvents }),
    },
  };
}

/** What a round's result means for the conditions and counts of its queue. Pure. */
export function outcomeOf(result: RetentionResult, limits: RetentionLimits): Omit<DutyOutcome, 'dueMs'> {
  const { removed, eventsRemoved, error, ownershipLost, rests } = result;
  const done = { removed, eventsRemoved };
  if (error) return { done, error };
  const behind = behindNotice(result, limits);
  // What was said stands until the pass has come to its end.
  return ownershipLost || (rests && !behind) ? { done } : { done, notices: { RetentionBehind: behind } };
}

function behindNotice(
  { lateMs, unfinished, overBytes, size }: RetentionResult,
  { maxBytes }: RetentionLimits,
): UpkeepNotice | undefined {
  if (unfinished && lateMs > LATE_MS) {
    const minutes = Math.round(lateMs / 60_000);
    return {
      reason: 'RetentionLate',
      count: minutes,
      message: `the oldest finished job is ${counted(minutes, 'minute')} over its time; as much is removed as leaves Redis to the workers, and more jobs may finish than that`,
    };
  }
  if (overBytes === undefined || size === undefined) return undefined;
  return {
    reason: 'OverMaxBytes',
    count: Math.round(overBytes),
    message: `the queue uses about ${megabytes(size.bytes)}, ${megabytes(overBytes)} more than retention.maxBytes (${megabytes(maxBytes ?? 0)}) after every finished job that may go is gone; unfinished jobs and dead letters are never removed: let workers catch up, or raise maxBytes`,
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toPrecision(3)} MB`;
}
