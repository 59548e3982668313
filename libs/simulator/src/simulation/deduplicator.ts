import type { Deduplication } from '../loads/workload.ts';
import type { InLine } from './line.ts';

/** What an add has brought. */
export type Added =
  | { readonly kind: 'job' }
  /** None: a job with its id holds the place. */
  | { readonly kind: 'duplicate' }
  /** A job, and the one that waited for its delay under the same id is removed. */
  | { readonly kind: 'replaces'; readonly removed: InLine };

interface Held {
  readonly job: number;
  /** Infinity: until the job is done. */
  readonly untilMs: number;
  /** While it is delayed. */
  delayed?: InLine | undefined;
}

/** The deduplication ids that are taken, by the rules of BullMQ's deduplicateJob.lua. */
export class Deduplicator {
  readonly #rules: Deduplication;
  readonly #held = new Map<number, Held>();

  constructor(rules: Deduplication) {
    this.#rules = rules;
  }

  /** An add, whose job would be `entry`. */
  add(entry: InLine, nowMs: number): Added {
    const { idOf, mode, ttlMs = Infinity } = this.#rules;
    const id = idOf[entry.job]!;
    if (id === 0) return { kind: 'job' };
    const held = this.#held.get(id);
    const taken = held !== undefined && nowMs < held.untilMs;
    if (taken && !(mode === 'debounce' && held.delayed !== undefined)) return { kind: 'duplicate' };
    const delayed = entry.readyMs > nowMs ? entry : undefined;
    this.#held.set(id, { job: entry.job, untilMs: mode === 'simple' ? Infinity : nowMs + ttlMs, delayed });
    return taken ? { kind: 'replaces', removed: held.delayed! } : { kind: 'job' };
  }

  /** The job's delay is over: it can be replaced no more. */
  due({ job }: InLine): void {
    const held = this.#of(job);
    if (held !== undefined) held.delayed = undefined;
  }

  /** The job has succeeded or failed for good: an id without a time to live is free. */
  finished(job: number): void {
    const held = this.#of(job);
    if (held?.untilMs === Infinity) this.#held.delete(this.#rules.idOf[job]!);
  }

  #of(job: number): Held | undefined {
    const held = this.#held.get(this.#rules.idOf[job]!);
    return held?.job === job ? held : undefined;
  }
}
