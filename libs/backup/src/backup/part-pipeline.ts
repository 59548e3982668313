import { PART_BYTES } from '../parts/part-limits.ts';

/** Parts that are compressed, encrypted or stored at once: one that computes while the other waits for the storage. */
const MAX_PARTS_IN_FLIGHT = 2;

/**
 * Bounds what a backup that is being written holds in memory: two parts on their way, and the buffers for lines, which
 * are used again. After a failure nothing more is begun, what is on its way is aborted, and everybody is told.
 */
export class PartPipeline {
  readonly #signal: AbortSignal;
  readonly #own = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #buffers: Buffer[] = [];
  readonly #partBytes: number;
  #failure: { readonly error: unknown } | undefined;

  constructor(signal: AbortSignal, partBytes = PART_BYTES) {
    this.#signal = AbortSignal.any([signal, this.#own.signal]);
    this.#partBytes = partBytes;
  }

  /** Waits for a place, and begins. What the task fails with is thrown by the calls after it. */
  async begin(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    while (this.#inFlight.size >= MAX_PARTS_IN_FLIGHT) await Promise.race(this.#inFlight);
    this.throwIfFailed();
    const running = task(this.#signal)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#inFlight.delete(running));
    this.#inFlight.add(running);
  }

  /** Waits for what has been begun. @throws what a part failed with. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
    this.throwIfFailed();
  }

  /** Ends what is on its way, and settles once nobody waits for any of it. */
  async abort(): Promise<void> {
    this.#fail(new DOMException('The backup was aborted', 'AbortError'));
    await Promise.all(this.#inFlight);
  }

  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
    this.#signal.throwIfAborted();
  }

  takeBuffer(): Buffer {
    return this.#buffers.pop() ?? Buffer.allocUnsafeSlow(this.#partBytes);
  }

  /** @param buffer whose bytes nobody needs any more. */
  giveBuffer(buffer: Buffer): void {
    if (buffer.length === this.#partBytes && this.#buffers.length < MAX_PARTS_IN_FLIGHT) this.#buffers.push(buffer);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#own.abort(error);
  }
}
