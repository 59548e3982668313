import { FairPool, unlessAborted, type Clock } from '@redis-queue/controller';

/** The process stops, or does not lead any more: what it ran is begun again by who leads next. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** So long after it was aborted a run is waited for, to take back what it has on its way; then it is left behind. */
const LEAVE_AFTER_MS = 5_000;

/**
 * The places in which backups and restores run, of all kinds together: so many at once, in turns by namespace, of which
 * none has more than half of what is free. They belong to leadership: nothing runs before `serve`, and all are aborted
 * when its signal is.
 */
export class RunPlaces {
  readonly #pool: FairPool;
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #clock: Pick<Clock, 'after'>;

  /** @param capacity runs at once */
  constructor(capacity: number, clock: Pick<Clock, 'after'>) {
    this.#pool = new FairPool(capacity);
    this.#clock = clock;
  }

  /** Runs until `signal` aborts, then aborts everything and waits for it to end. */
  async serve(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#stopping.abort(new InterruptedError('the controller stops'));
    this.#pool.giveUpWaiting();
    await Promise.all(this.#underWay);
  }

  /**
   * Runs `body` once there is a place for it.
   *
   * @param signal gives it up, also while it waits. What hangs in `body` then is not waited for beyond a few seconds.
   * @throws the reason of `signal`; InterruptedError; what `body` throws.
   */
  async run<T>(namespace: string, signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    const ran = this.#inTurn(namespace, either, body);
    const ended = ran.then(
      () => undefined,
      () => undefined,
    );
    this.#underWay.add(ended);
    void ended.finally(() => this.#underWay.delete(ended));
    return await ran;
  }

  async #inTurn<T>(namespace: string, signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    let begun: Promise<T> | undefined;
    const turn = this.#pool.run({
      path: [namespace],
      last: false,
      run: () => {
        signal.throwIfAborted();
        begun = this.#untilLeft(signal, body);
        return begun;
      },
    });
    // One that waits for its turn is not waited for; one that has it is, to the end that it takes.
    const given = await unlessAborted(signal, () => turn).catch((error: unknown) => {
      turn.catch(() => undefined);
      if (begun === undefined) throw error;
      return begun.then((result) => ({ result }));
    });
    if (!given) throw new InterruptedError('the controller stops');
    return given.result;
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
