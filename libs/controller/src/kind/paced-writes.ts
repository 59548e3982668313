import { ConnectionError } from '../client/api-error.ts';
import { FairPace, type Waiting } from '../queue/fair-pace.ts';
import { MinHeap } from '../queue/min-heap.ts';
import { Shares, TENANT } from '../queue/shares.ts';
import { delay, type Clock } from '../time/clock.ts';
import { unlessAborted } from '../time/unless-aborted.ts';
import { STATUS_SPACING_MS } from './status-pace.ts';
import type { ObjectMemory } from './types.ts';

/** What hangs is given up, so that its place is free again. */
const WRITE_TIMEOUT_MS = 5_000;
/** After this what could not be written is tried again, so that it is there within 10 s once it can be. */
const RETRY_MS = 3_000;
/** Writes at once, of which a namespace has a share: 10 when it is alone, so that they may take half a second each. */
const MAX_AT_ONCE = 30;
/** How long nothing is looked at while nothing waits; whatever is offered is looked at right away. */
const IDLE_MS = 60_000;

export interface PacedWritesOptions<T> {
  readonly clock: Clock;
  /** The least time between two writes of one object. */
  readonly everyMs: number;
  /** Whose turns and share it counts for. */
  readonly namespaceOf: (offer: T) => string;
  /** Writes what was offered last of an object. The signal is aborted at the deadline, or when everything stops. */
  readonly write: (offer: T, signal: AbortSignal) => Promise<unknown>;
  /** Called with what could not be written; it is tried again, or what was offered meanwhile. */
  readonly onError: (offer: T, error: unknown) => void;
}

/**
 * Writes that can wait, beside the reconciles: 20 per second over all objects, namespaces in turns, and within a
 * namespace each object in its turn, with what was offered last. A write has 5 s, whatever it waits for; as many as may
 * hang are bounded, of a namespace by its share, and none outlives `run`.
 */
export class PacedWrites<T> implements ObjectMemory {
  readonly #options: PacedWritesOptions<T>;
  readonly #writtenMs = new Map<string, number>();
  readonly #offers = new Map<string, T>();
  /** Objects that may not be written yet, one entry for each; then they are ready. */
  readonly #due = new MinHeap<{ readonly uid: string; readonly atMs: number }>((a, b) => a.atMs - b.atMs);
  readonly #waiting = new Set<string>();
  /** Of objects that may be written. */
  readonly #turns = new FairPace(STATUS_SPACING_MS);
  readonly #shares = new Shares(MAX_AT_ONCE);
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
    this.#offers.delete(uid);
    this.#turns.leave(uid);
  }

  /** How long an object that is offered now waits for its turn at most, in ms, as long as no write hangs. */
  get backlogMs(): number {
    return this.#turns.backlogMs(this.#options.clock.now());
  }

  forget(uid: string): void {
    this.withdraw(uid);
    this.#writtenMs.delete(uid);
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
    const nowMs = this.#options.clock.now();
    for (let next = this.#due.peek(); next && next.atMs <= nowMs; next = this.#due.peek()) {
      this.#due.pop();
      this.#waiting.delete(next.uid);
      this.#queue(next.uid);
    }
    const nextDueMs = (this.#due.peek()?.atMs ?? Infinity) - nowMs;
    // With no room left, the end of a write wakes the loop.
    const next =
      this.#writing.size < MAX_AT_ONCE ? this.#turns.next((name) => this.#shares.admits(name, TENANT)) : undefined;
    if (!next) return Math.min(IDLE_MS, nextDueMs);
    const restMs = this.#turns.restMs(nowMs);
    if (restMs > 0) return Math.min(restMs, nextDueMs);
    this.#begin(next, signal);
    return Math.min(STATUS_SPACING_MS, nextDueMs);
  }

  /** Gives the object its turn, or has it wait until it may be written. */
  #queue(uid: string, afterMs = 0): void {
    const offer = this.#offers.get(uid);
    if (offer === undefined || this.#waiting.has(uid) || this.#turns.waits(uid) || this.#writing.has(uid)) return;
    const { clock, everyMs, namespaceOf } = this.#options;
    const nowMs = clock.now();
    const atMs = Math.max(nowMs + afterMs, (this.#writtenMs.get(uid) ?? -Infinity) + everyMs);
    if (atMs > nowMs) {
      this.#waiting.add(uid);
      this.#due.push({ uid, atMs });
      return;
    }
    this.#turns.ask(uid, namespaceOf(offer));
  }

  #begin({ uid, path }: Waiting, signal: AbortSignal): void {
    const begunMs = this.#options.clock.now();
    const offer = this.#offers.get(uid) as T;
    this.#turns.begin(uid, begunMs);
    this.#offers.delete(uid);
    this.#shares.begin(path);
    const write = async (): Promise<void> => {
      const written = await this.#write(offer, signal);
      this.#writing.delete(uid);
      this.#shares.end(path);
      if (!this.#gone.delete(uid)) this.#ended(uid, offer, written ? begunMs : undefined);
      this.#wake();
    };
    this.#writing.set(uid, write());
  }

  /** @param writtenMs when it was begun to be written; undefined: it could not be. */
  #ended(uid: string, offer: T, writtenMs: number | undefined): void {
    if (writtenMs !== undefined) this.#writtenMs.set(uid, writtenMs);
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
