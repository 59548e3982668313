import { FairBand, type Admits } from './fair-band.ts';

/** An object that waits for its turn. */
export interface Waiting {
  readonly uid: string;
  readonly path: readonly [namespace: string];
}

/**
 * Turns that are at least so far apart: namespaces in turns, and within a namespace each object in the order of asking.
 * A namespace with thousands of objects that wait has one turn while another has one too. Turns that nobody waits for
 * are lost, and never come all at once. No I/O.
 */
export class FairPace {
  readonly #spacingMs: number;
  readonly #waiting = new Map<string, Waiting>();
  readonly #turns = new FairBand<Waiting>();
  /** When the next turn may begin. */
  #freeMs = -Infinity;

  constructor(spacingMs: number) {
    this.#spacingMs = spacingMs;
  }

  /** Has the object, by uid, wait for its turn; one that waits already keeps its place. */
  ask(uid: string, namespace: string): void {
    if (this.#waiting.has(uid)) return;
    const waiting: Waiting = { uid, path: [namespace] };
    this.#waiting.set(uid, waiting);
    this.#turns.push(waiting, waiting.path);
  }

  waits(uid: string): boolean {
    return this.#waiting.has(uid);
  }

  /** The object does not wait any more. */
  leave(uid: string): void {
    const waiting = this.#waiting.get(uid);
    if (waiting && this.#waiting.delete(uid)) this.#turns.remove(waiting, waiting.path);
  }

  /** Whose turn is next, of those that are admitted. */
  next(admits?: Admits): Waiting | undefined {
    return this.#turns.peek(admits);
  }

  /** After how many ms the next turn may begin; 0: now. */
  restMs(nowMs: number): number {
    return Math.max(0, this.#freeMs - nowMs);
  }

  /** The turn of the object, which need not have waited, begins. */
  begin(uid: string, nowMs: number): void {
    this.leave(uid);
    this.#freeMs = nowMs + this.#spacingMs;
  }

  /** How long an object that asks now waits at most, in ms, if every turn begins when it may. */
  backlogMs(nowMs: number): number {
    return this.restMs(nowMs) + this.#turns.size * this.#spacingMs;
  }
}
