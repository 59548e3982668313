import { InterruptedError } from './interrupted-error.ts';

/** So long a run keeps its place whoever waits, at first. */
export const FIRST_SHARE_MS = 1_800_000;
/** Twice as long after each time that it was interrupted, so that a long one comes to its end; but no longer than that. */
const LONGEST_SHARE_MS = 86_400_000;

/** A place that a run has. */
export interface HeldPlace {
  /** Of which places are given: a namespace, or what is urgent in it. */
  readonly share: string;
  readonly uid: string;
  readonly sinceMs: number;
  /** Aborts when the place goes to others. */
  readonly signal: AbortSignal;
}

interface Held extends HeldPlace {
  readonly abort: AbortController;
}

/**
 * Who has a place, and since when: a run may take as long as whoever created its object likes, so that places would be
 * held for ever while other namespaces wait. One that has had its time is interrupted for them. It is begun
 * again at once, behind those that wait: a restore goes on where it was, a backup begins anew.
 */
export class HeldPlaces {
  readonly #elapsedMs: () => number;
  readonly #held = new Set<Held>();
  /** By the uid of those that were interrupted. */
  readonly #times = new Map<string, number>();

  /** @param elapsedMs monotonic */
  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  take(share: string, uid: string): HeldPlace {
    const abort = new AbortController();
    const held = { share, uid, sinceMs: this.#elapsedMs(), signal: abort.signal, abort };
    this.#held.add(held);
    return held;
  }

  give(place: HeldPlace): void {
    this.#held.delete(place as Held);
  }

  /** Its run has ended, or nobody wants it any more: the next one of this object has the time of a new one. */
  forget(uid: string): void {
    this.#times.delete(uid);
  }

  /** Interrupts a run for a share that waits, has none, and finds one that has had its time; one at a time. */
  makeRoomFor(share: string): void {
    const all = [...this.#held];
    if (all.some((held) => held.share === share || held.signal.aborted)) return;
    const overMs = ({ uid, sinceMs }: Held): number => this.#elapsedMs() - sinceMs - this.#timeOf(uid);
    const [longest] = all.toSorted((a, b) => overMs(b) - overMs(a));
    if (!longest || overMs(longest) < 0) return;
    this.#times.set(longest.uid, Math.min(2 * this.#timeOf(longest.uid), LONGEST_SHARE_MS));
    longest.abort.abort(new InterruptedError('others have waited for its place'));
  }

  #timeOf(uid: string): number {
    return this.#times.get(uid) ?? FIRST_SHARE_MS;
  }
}
