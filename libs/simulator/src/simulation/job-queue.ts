import type { Workload } from '../loads/workload.ts';
import { Deduplicator } from './deduplicator.ts';
import { DelayedJobs } from './delayed-jobs.ts';
import { Fifo } from './fifo.ts';
import { Limiter } from './limiter.ts';
import { Line, type InLine } from './line.ts';

/** Jobs that one fetch promotes from delayed to the line; see promoteDelayedJobs.lua. */
const PROMOTED_AT_ONCE = 1_000;

/** The queue in Redis: what lies where, by BullMQ's rules. */
export class JobQueue {
  readonly line = new Line();
  readonly limiter: Limiter | undefined;
  /** Adds so far: BullMQ's counter `id`, which counts an add that brought no job too. */
  added = 0;
  /** Jobs that came and are not done. */
  unfinished = 0;
  /** In BullMQ's list `active`: jobs that run, and those whose worker is gone. */
  active = 0;
  /** Of the active, those whose lock is gone. */
  orphaned = 0;
  /** Jobs that were added and not replaced. */
  jobs = 0;
  completed = 0;
  readonly #workload: Workload;
  readonly #deduplicator: Deduplicator | undefined;
  readonly #delayed = new DelayedJobs();
  readonly #overdue = new Fifo<InLine>();
  readonly #removed = new Set<InLine>();

  constructor(workload: Workload) {
    this.#workload = workload;
    this.limiter = workload.limits && new Limiter(workload.limits);
    this.#deduplicator = workload.deduplication && new Deduplicator(workload.deduplication);
  }

  /** Jobs that a worker could start now: those in line, and those that are due and nobody has promoted yet. */
  get ready(): number {
    return this.line.length + this.#overdue.length;
  }

  /** Jobs in the delayed set whose time has not come: delayed ones, and retries in their back-off. */
  get delayed(): number {
    return this.#delayed.size;
  }

  get delayedJobs(): Pick<DelayedJobs, 'nextMs' | 'dueUntil'> {
    return this.#delayed;
  }

  get overdue(): number {
    return this.#overdue.length;
  }

  /** The next job of the workload is added. @returns what came of it; undefined when it was a duplicate. */
  add(nowMs: number): InLine | undefined {
    const job = this.added++;
    const entry = { job, readyMs: nowMs + (this.#workload.delayMs?.[job] ?? 0), attempt: 0, ran: false };
    const added = this.#deduplicator?.add(entry, nowMs) ?? { kind: 'job' };
    if (added.kind === 'duplicate') return undefined;
    if (added.kind === 'replaces') {
      this.#delayed.remove(added.removed.readyMs);
      this.#removed.add(added.removed);
      return entry;
    }
    this.unfinished++;
    this.jobs++;
    return entry;
  }

  delay(entry: InLine): void {
    this.#delayed.add(entry.readyMs);
  }

  /** The delay of a job is over. @returns false when the job was removed meanwhile. */
  due(entry: InLine): boolean {
    if (this.#removed.delete(entry)) return false;
    this.#deduplicator?.due(entry);
    this.#delayed.removeFirst();
    this.#overdue.push(entry);
    return true;
  }

  /** A worker fetches, which puts into the line what is due. */
  promote(): void {
    for (let n = 0; n < PROMOTED_AT_ONCE && this.#overdue.length > 0; n++) this.push(this.#overdue.shift()!);
  }

  push(entry: InLine): void {
    this.line.push(this.#priorityOf(entry), entry);
  }

  /** To the front: what a draining worker hands back, and what was found without its worker. */
  returned({ job, attempt }: InLine, nowMs: number): void {
    const entry = { job, attempt, readyMs: nowMs, ran: true };
    this.line.unshift(this.#priorityOf(entry), entry);
    this.active--;
  }

  /** The job has ended. @returns its retry, if it failed. */
  ended({ job, attempt }: InLine, nowMs: number): InLine | undefined {
    this.active--;
    const { failures, backoffMs = 0 } = this.#workload;
    if (attempt < (failures?.[job] ?? 0))
      return { job, attempt: attempt + 1, readyMs: nowMs + backoffMs * 2 ** attempt, ran: true };
    this.#deduplicator?.finished(job);
    this.completed++;
    this.unfinished--;
    return undefined;
  }

  #priorityOf({ job }: InLine): number {
    return this.#workload.priority?.[job] ?? 0;
  }
}
