import { keyOf, type ObjectKey } from '../objects/resources.ts';
import { FairPace } from '../queue/fair-pace.ts';
import type { Clock } from '../time/clock.ts';
import type { KindObject, ObjectMemory } from './types.ts';

/** Between writes of statuses that can wait, over all objects: 20 per second. */
export const STATUS_SPACING_MS = 50;
/** A turn that is not used within this time is lost, so that turns that were saved up never come all at once. */
const TURN_LASTS_MS = 5_000;

export interface StatusPaceOptions {
  readonly clock: Clock;
  /** Called when it is the turn of an object that had to wait: have it reconciled. */
  readonly onTurn: (key: ObjectKey) => void;
}

/**
 * When statuses may be written that can wait, so that thousands of busy objects cost the API server little. Namespaces
 * have turns, and within a namespace each object in the order of asking: hundreds of busy objects of one delay those of
 * another by one turn. An object that has to wait is reconciled when its turn comes, and does not ask meanwhile.
 */
export class StatusPace implements ObjectMemory {
  readonly #clock: Clock;
  readonly #onTurn: (key: ObjectKey) => void;
  readonly #writtenMs = new Map<string, number>();
  readonly #turns = new FairPace(STATUS_SPACING_MS);
  /** Of each object that waits. */
  readonly #keys = new Map<string, ObjectKey>();
  /** Since when it is an object's turn. */
  readonly #turnMs = new Map<string, number>();
  #timer: { cancel(): void } | undefined;

  constructor({ clock, onTurn }: StatusPaceOptions) {
    this.#clock = clock;
    this.#onTurn = onTurn;
  }

  /**
   * After how many ms the status of the object may be written; 0: now. An object that waits for its turn is reconciled
   * then, which is sooner.
   *
   * @param everyMs the least time between two writes of this object.
   * @param nowMs wall time
   */
  waitMs(object: Pick<KindObject, 'metadata'>, everyMs: number, nowMs: number): number {
    const { uid = '', namespace = '' } = object.metadata;
    const ownMs = (this.#writtenMs.get(uid) ?? -Infinity) + everyMs - nowMs;
    if (ownMs > 0) return ownMs;
    const clockMs = this.#clock.now();
    if (clockMs - (this.#turnMs.get(uid) ?? -Infinity) <= TURN_LASTS_MS) return 0;
    this.#turns.ask(uid, namespace);
    if (this.#turns.restMs(clockMs) === 0 && this.#turns.next()?.uid === uid) {
      this.#begin(uid);
      return 0;
    }
    this.#keys.set(uid, keyOf(object));
    this.#giveTurns();
    return this.#turns.backlogMs(clockMs) + TURN_LASTS_MS;
  }

  wrote(uid: string, nowMs: number): void {
    this.#leave(uid);
    this.#writtenMs.set(uid, nowMs);
  }

  forget(uid: string): void {
    this.#leave(uid);
    this.#writtenMs.delete(uid);
  }

  #leave(uid: string): void {
    this.#turns.leave(uid);
    this.#keys.delete(uid);
    this.#turnMs.delete(uid);
  }

  /** Gives the next turn when it may begin, and goes on until nobody waits. */
  #giveTurns(): void {
    if (this.#timer || this.#turns.next() === undefined) return;
    this.#timer = this.#clock.after(this.#turns.restMs(this.#clock.now()), () => {
      this.#timer = undefined;
      this.#giveNext();
      this.#giveTurns();
    });
  }

  #giveNext(): void {
    const next = this.#turns.next();
    if (!next || this.#turns.restMs(this.#clock.now()) > 0) return;
    const key = this.#keys.get(next.uid);
    this.#begin(next.uid);
    if (key) this.#onTurn(key);
  }

  #begin(uid: string): void {
    const nowMs = this.#clock.now();
    this.#keys.delete(uid);
    this.#turns.begin(uid, nowMs);
    this.#turnMs.set(uid, nowMs);
  }
}
