import type { Queue, QueueReason } from '@redis-queue/api';
import { findCondition, type ObjectMemory, type Problem as KindProblem } from '@redis-queue/controller';

type Problem = KindProblem<QueueReason>;

/** The condition of a Queue whose counts cannot be read or written; absent while they can. */
export const SAMPLING_FAILED = 'SamplingFailed';

/** Counts of a queue were read, and cannot be written into its status. */
export interface Unwritten {
  readonly unwritten: Problem;
}

/** Whether the counts of a queue can be read, and written: `unknown` until somebody has tried. */
export type Sampling = 'unknown' | 'works' | Problem | Unwritten;

interface Known {
  /** The key of the Redis and user by which it was tried; '' when there is no way to Redis. */
  readonly way: string;
  readonly problem: Problem | undefined;
}

/**
 * What keeps the counts of each queue from being read or written, for the conditions. After a restart nothing is known, and the
 * status keeps saying what it said until the first sample.
 */
export class SamplingFailures implements ObjectMemory {
  readonly #known = new Map<string, Known>();
  readonly #unwritten = new Map<string, Problem>();

  /**
   * Takes down how reading went; `problem` is absent when it worked.
   *
   * @returns whether the status has to say something else from now on.
   */
  note(queue: Queue, way: string, problem?: Problem): boolean {
    const { uid = '' } = queue.metadata;
    const known = this.#known.get(uid);
    const before = known ? known.problem?.reason : said(queue);
    // The first message stays: with the times that messages name, the status would be written again and again. Without
    // a way to Redis they name no times, but what is wrong with the Secret.
    const same = before === problem?.reason && (way !== '' || known?.problem?.message === problem?.message);
    if (known?.problem && known.way === way && same) return false;
    this.#known.set(uid, { way, problem });
    return before !== problem?.reason || (problem !== undefined && known !== undefined);
  }

  /**
   * Takes down how writing went; `problem` is absent when it worked.
   *
   * @returns whether the status has to say something else from now on.
   */
  noteWrite(queue: Queue, problem?: Problem): boolean {
    const { uid = '' } = queue.metadata;
    const before = this.#unwritten.get(uid);
    if (!problem) return this.#unwritten.delete(uid);
    if (before?.reason === problem.reason) return false;
    this.#unwritten.set(uid, problem);
    return true;
  }

  of(queue: Queue): Sampling {
    const { uid = '' } = queue.metadata;
    const known = this.#known.get(uid);
    if (known?.problem) return known.problem;
    const unwritten = this.#unwritten.get(uid);
    return unwritten ? { unwritten } : known ? 'works' : 'unknown';
  }

  /** Whether it is known how reading goes by this way. */
  knows(queue: Queue, way: string): boolean {
    return this.#known.get(queue.metadata.uid ?? '')?.way === way;
  }

  forget(uid: string): void {
    this.#known.delete(uid);
    this.#unwritten.delete(uid);
  }

  /** Forgets the queues that are not listed: of one that was deleted during a round, the round takes down the outcome. */
  forgetAllBut(queues: readonly Queue[]): void {
    const listed = new Set(queues.map(({ metadata: { uid = '' } }) => uid));
    for (const uid of [...this.#known.keys(), ...this.#unwritten.keys()]) if (!listed.has(uid)) this.forget(uid);
  }
}

function said({ status }: Queue): string | undefined {
  return findCondition(status?.conditions, SAMPLING_FAILED)?.reason;
}
