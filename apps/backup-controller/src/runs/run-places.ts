import { unlessAborted, type Clock } from '@redis-queue/controller';
import { RunFailure } from './failure.ts';
import { HeldPlaces } from './held-places.ts';
import { InterruptedError } from './interrupted-error.ts';
import { PlaceTurns, shareOf } from './place-turns.ts';

/** After so long a namespace that waits and has no run has room made for it, if it can be, and again after that. */
const MAKE_ROOM_AFTER_MS = 300_000;
/** So long after it was aborted a run is waited for, to take back what it has on its way; then it is left behind. */
const LEAVE_AFTER_MS = 5_000;

/** A removal of many files, or in a storage that answers slowly, has so long. */
const LONGEST_CLEANUP_MS = 3_600_000;

/**
 * What a run is for, by which it has its place:
 * - `backup`: a backup, or a drill;
 * - `restore`: somebody waits for its queues;
 * - `ending`: it ends what another run has begun in Redis, or takes it back, and is soon done;
 * - `removal`: it removes files from a storage, however slowly that answers.
 */
export type RunPurpose = 'backup' | 'restore' | 'ending' | 'removal';

/** Whose turn it is. */
export interface RunTurn {
  readonly namespace: string;
  readonly uid: string;
  readonly purpose: RunPurpose;
}

/**
 * The places in which backups and restores run, of all kinds together: so many at once, in turns by namespace, of which
 * none has more than half of what is free, nor all of them for longer than its share of time while others wait. Restores
 * go before backups of their namespace. What ends or takes back a restore has as many places beside them, and so have
 * removals. They belong to leadership: nothing runs before `serve`, and all are aborted when its signal is.
 */
export class RunPlaces {
  readonly #runs: PlaceTurns;
  readonly #endings: PlaceTurns;
  readonly #removals: PlaceTurns;
  readonly #held: HeldPlaces;
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #clock: Clock;

  /** @param capacity runs at once */
  constructor(capacity: number, clock: Clock) {
    this.#runs = new PlaceTurns(capacity);
    this.#endings = new PlaceTurns(capacity);
    this.#removals = new PlaceTurns(capacity);
    this.#held = new HeldPlaces(() => clock.now());
    this.#clock = clock;
  }

  /** Runs until `signal` aborts, then aborts everything and waits for it to end. */
  async serve(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#stopping.abort(new InterruptedError('the controller stops'));
    await Promise.all(this.#underWay);
  }

  /**
   * Runs `body` once there is a place for it.
   *
   * @param signal gives it up, also while it waits. What hangs in `body` then is not waited for beyond a few seconds.
   * @throws the reason of `signal`; InterruptedError; what `body` throws.
   */
  async run<T>(turn: RunTurn, signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    const ran = this.#inTurn(turn, either, body);
    const ended = ran.then(
      () => undefined,
      () => undefined,
    );
    this.#underWay.add(ended);
    void ended.finally(() => this.#underWay.delete(ended));
    return await ran;
  }

  #inTurn<T>(turn: RunTurn, signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { namespace, purpose } = turn;
    if (purpose === 'backup' || purpose === 'restore') return this.#whileOthersWait(turn, signal, body);
    const places = purpose === 'ending' ? this.#endings : this.#removals;
    return places.run({ namespace, isUrgent: false }, signal, () => this.#untilLate(signal, body));
  }

  /** So that what cleans up ends, however slowly a storage answers. */
  async #untilLate<T>(signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const timer = this.#clock.after(LONGEST_CLEANUP_MS, () => {
      const message = `it did not end within ${LONGEST_CLEANUP_MS / 60_000} minutes`;
      late.abort(new RunFailure({ reason: 'DeadlineExceeded', message }));
    });
    try {
      return await this.#untilLeft(AbortSignal.any([signal, late.signal]), body);
    } finally {
      timer.cancel();
    }
  }

  /** Has room made for it, and gives its place to others, when the one has waited or the other run for long. */
  async #whileOthersWait<T>(turn: RunTurn, signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { namespace, uid, purpose } = turn;
    const isUrgent = purpose === 'restore';
    const share = shareOf({ namespace, isUrgent });
    const look = (): void => {
      this.#held.makeRoomFor(share);
      waiting = this.#clock.after(MAKE_ROOM_AFTER_MS, look);
    };
    let waiting = this.#clock.after(MAKE_ROOM_AFTER_MS, look);
    try {
      const result = await this.#runs.run({ namespace, isUrgent }, signal, async () => {
        waiting.cancel();
        const place = this.#held.take(share, uid);
        try {
          return await this.#untilLeft(AbortSignal.any([signal, place.signal]), body);
        } finally {
          this.#held.give(place);
        }
      });
      this.#held.forget(uid);
      return result;
    } catch (error) {
      if (!(error instanceof InterruptedError)) this.#held.forget(uid);
      throw error;
    } finally {
      waiting.cancel();
    }
  }

  /** Settles with `body`; once `signal` has aborted, no later than it is left behind. */
  async #untilLeft<T>(signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const left = new AbortController();
    const leave = (): void => void this.#clock.after(LEAVE_AFTER_MS, () => left.abort(signal.reason));
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await unlessAborted(left.signal, () => body(signal));
    } catch (error) {
      // Whatever it came to: it ended because it was to end.
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }
}
