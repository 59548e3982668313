import { ConnectionError } from '../client/api-error.ts';
import { MinHeap } from '../queue/min-heap.ts';
import { delay, type Clock } from '../time/clock.ts';
import { unlessAborted } from '../time/unless-aborted.ts';
import { StatusPace } from './status-pace.ts';
import type { ObjectMemory } from './types.ts';

/** What hangs is given up, so that its place is free again. */
const WRITE_TIMEOUT_MS = 5_000;
/** After this what could not be written is tried again, so that it is there within 10 s once it can be. */
const RETRY_MS = 3_000;
/** Writes at once: one that takes a second leaves room for 20 per second all the same. */
const MAX_AT_ONCE = 20;
/** How long nothing is looked at while nothing waits; whatever is offered is looked at right away. */
const IDLE_MS = 60_000;

export interface PacedWritesOptions<T> {
  readonly clock: Clock;
  /** The least time between two writes of one object. */
  readonly everyMs: number;
  /** Writes what was offered last of an object. The signal is aborted at the deadline, or when everything stops. */
  readonly write: (offer: T, signal: AbortSignal) => Promise<unknown>;
  /** Called with what could not be written; it is tried again, or what was offered meanwhile. */
  readonly onError: (offer: T, error: unknown) => void;
}

/**
 * Writes that can wait, beside the reconciles: 20 per second over all objects, each object in its turn and with what
 * was offered last. A write has 5 s, whatever it waits for; as many as may hang are bounded, and none outlives `run`.
 */
export class PacedWrites<T> implements ObjectMemory {
  readonly #options: PacedWritesOptions<T>;
  readonly #pace = new StatusPace();
  readonly #offers = new Map<string, T>();
  /** When to look at the offer of an object again: one entry for each that waits. */
  readonly #due = new MinHeap<{ readonly uid: string; readonly atMs: number }>((a, b) => a.atMs - b.atMs);
  readonly #queued = new Set<string>();
  readonly #writing = new Map<string, Promise<void>>();
  /** Deleted while they were being written. */
  readonly #gone = new Set<string>();
  #wake = (): void => {};

  constructor(options: PacedWritesOptions<T>) {
    this.#options = options;
  }

  /** Has this written when it is the object's turn, instead of what was offered before. */
  offer(uid: string, offer: T): void {
    this.#offers.set(uid, offer);
    this.#queue(uid);
    this.#wake();
  }

  /** Whether something of the object waits for its turn. */
  waits(uid: string): boolean {
    return this.#offers.has(uid);
  }

  /** There is nothing to write any more. */
  withdraw(uid: string): void {
    if (this.#offers.delete(uid)) this.#pace.skip(uid);
  }

  /** How long an object that is offered now waits for its turn, in ms. */
  get backlogMs(): number {
    return this.#pace.backlogMs(this.#options.clock.now());
  }

  forget(uid: string): void {
    this.#offers.delete(uid);
    this.#pace.forget(uid);
    if (this.#writing.has(uid)) this.#gone.add(uid);
  }

  /** Writes until `signal` aborts; then it resolves at once, and what is being written is given up. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    while (!signal.aborted) {
      const waitMs = this.#beginDue(signal);
      const wake = new AbortController();
      this.#wake = () => wake.abort();
      await delay(this.#options.clock, waitMs, wake.signal);
    }
    await Promise.all(this.#writing.values());
  }

  /** Begins what is due, as far as there is room. @returns after how many ms to look again */
  #beginDue(signal: AbortSignal): number {
    for (;;) {
      const nowMs = this.#options.clock.now();
      const next = this.#due.peek();
      // With no room left, the end of a write wakes the loop.
      if (!next || this.#writing.size >= MAX_AT_ONCE) return IDLE_MS;
      if (next.atMs > nowMs) return next.atMs - nowMs;
      this.#due.pop();
      this.#queued.delete(next.uid);
      const offer = this.#offers.get(next.uid);
      if (offer === undefined || this.#writing.has(next.uid)) continue;
      if (this.#pace.waitMs(next.uid, this.#options.everyMs, nowMs) > 0) this.#queue(next.uid);
      else this.#begin(next.uid, offer, signal);
    }
  }

  #queue(uid: string, afterMs = 0): void {
    if (this.#queued.has(uid) || this.#writing.has(uid)) return;
    const nowMs = this.#options.clock.now();
    this.#queued.add(uid);
    this.#due.push({ uid, atMs: nowMs + (afterMs || this.#pace.waitMs(uid, this.#options.everyMs, nowMs)) });
  }

  #begin(uid: string, offer: T, signal: AbortSignal): void {
    const begunMs = this.#options.clock.now();
    this.#offers.delete(uid);
    this.#pace.skip(uid);
    const write = async (): Promise<void> => {
      const written = await this.#write(offer, signal);
      this.#writing.delete(uid);
      if (!this.#gone.delete(uid)) this.#ended(uid, offer, written ? begunMs : undefined);
      this.#wake();
    };
    this.#writing.set(uid, write());
  }

  /** @param writtenMs when it was begun to be written; undefined: it could not be. */
  #ended(uid: string, offer: T, writtenMs: number | undefined): void {
    if (writtenMs !== undefined) this.#pace.wrote(uid, writtenMs);
    else if (!this.#offers.has(uid)) this.#offers.set(uid, offer);
    if (this.#offers.has(uid)) this.#queue(uid, writtenMs === undefined ? RETRY_MS : 0);
  }

  /** @returns whether it was written */
  async #write(offer: T, stop: AbortSignal): Promise<boolean> {
    const { clock, write, onError } = this.#options;
    const end = new AbortController();
    const cancel = (): void => end.abort(stop.reason);
    const timer = clock.after(WRITE_TIMEOUT_MS, () =>
      end.abort(new ConnectionError('the write', new Error(`took longer than ${WRITE_TIMEOUT_MS / 1_000} s`))),
    );
    stop.addEventListener('abort', cancel, { once: true });
    try {
      await unlessAborted(end.signal, () => write(offer, end.signal));
      return true;
    } catch (error) {
      if (!stop.aborted) onError(offer, error);
      return false;
    } finally {
      timer.cancel();
      stop.removeEventListener('abort', cancel);
    }
  }
}
