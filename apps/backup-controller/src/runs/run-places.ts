import { FairPool, unlessAborted } from '@redis-queue/controller';

/** The process stops, or does not lead any more: what it ran is begun again by who leads next. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/**
 * The places in which backups and restores run, of all kinds together: so many at once, in turns by namespace, of which
 * none has more than half of what is free. They belong to leadership: nothing runs before `serve`, and all are aborted
 * when its signal is.
 */
export class RunPlaces {
  readonly #pool: FairPool;
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  /** @param capacity runs at once */
  constructor(capacity: number) {
    this.#pool = new FairPool(capacity);
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
   * @param signal gives it up, also while it waits. What hangs in `body` then is not waited for.
   * @throws the reason of `signal`; InterruptedError; what `body` throws.
   */
  async run<T>(namespace: string, signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    const ran = unlessAborted(either, async () => {
      const turn = await this.#pool.run({
        path: [namespace],
        last: false,
        run: () => unlessAborted(either, () => body(either)),
      });
      if (!turn) throw new InterruptedError('the controller stops');
      return turn.result;
    });
    const ended = ran.then(
      () => undefined,
      () => undefined,
    );
    this.#underWay.add(ended);
    void ended.finally(() => this.#underWay.delete(ended));
    return await ran;
  }
}
