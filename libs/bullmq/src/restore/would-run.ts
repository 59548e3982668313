import { queueId } from '../redis/keys.ts';
import type { IndexEntry, QueueRecord, State } from '../snapshot/records.ts';

/** What would run if a queue of a backup were restored and resumed. */
export interface WouldRunOfQueue {
  /** `prefix:name` in the backup. */
  readonly queue: string;
  /** In line, with those that have a priority. */
  readonly waiting: number;
  readonly prioritized: number;
  /** Ran when the backup was taken, and would run again. */
  readonly active: number;
  /** Delayed jobs whose time has passed. */
  readonly delayedDue: number;
  /** Delayed jobs whose time is to come. */
  readonly delayedLater: number;
  /** Job schedulers, which would make jobs from now on. */
  readonly schedulers: number;
  /** The queue was paused: nothing runs until somebody resumes it. */
  readonly paused: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The lowest 12 bits of a delayed job's score are its order within a ms. */
const SCORES_PER_MS = 4_096;

/**
 * Counts what would run again, for a dry run: to be fed with all records of the queues, one queue after the other. Pure.
 *
 * Exact for a backup that was read in one step. In one that was read page by page, a job that moved meanwhile counts in
 * each state in which it was seen.
 */
export class WouldRun {
  readonly #nowMs: number;
  readonly #queues: Mutable<WouldRunOfQueue>[] = [];

  /** @param nowMs when it would be resumed, Unix ms. */
  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  add(records: readonly QueueRecord[]): void {
    for (const record of records) {
      if (record.kind === 'queue') this.#begin(queueId(record), record.meta['paused'] !== undefined);
      const queue = this.#queues.at(-1);
      if (!queue) continue;
      if (record.kind === 'scheduler') queue.schedulers++;
      if (record.kind === 'index') this.#addEntries(queue, record.state, record.entries);
    }
  }

  summary(): readonly WouldRunOfQueue[] {
    return this.#queues;
  }

  #begin(queue: string, paused: boolean): void {
    const none = { waiting: 0, prioritized: 0, active: 0, delayedDue: 0, delayedLater: 0, schedulers: 0 };
    this.#queues.push({ queue, ...none, paused });
  }

  #addEntries(queue: Mutable<WouldRunOfQueue>, state: State, entries: readonly IndexEntry[]): void {
    if (state === 'waiting' || state === 'prioritized' || state === 'active') queue[state] += entries.length;
    if (state !== 'delayed') return;
    const due = entries.filter(([, score]) => Number(score) / SCORES_PER_MS <= this.#nowMs).length;
    queue.delayedDue += due;
    queue.delayedLater += entries.length - due;
  }
}
