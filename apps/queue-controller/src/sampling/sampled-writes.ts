import { isDeepStrictEqual } from 'node:util';
import { PacedWrites, type Clock, type ObjectMemory } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { isWorthWriting, MIN_WRITE_INTERVAL_MS, type SampledStatus } from './counts.ts';

export interface SampledWritesOptions {
  readonly clock: Clock;
  readonly write: (queue: QueueObject, status: SampledStatus, signal: AbortSignal) => Promise<unknown>;
  /** Called with a status that could not be written; it, or a newer one, is tried again. */
  readonly onError: (queue: QueueObject, error: unknown) => void;
  /** Called with a queue whose status says what was sampled: a write that nobody answered in time may have landed. */
  readonly onHeld: (queue: QueueObject) => void;
}

interface Offer {
  readonly queue: QueueObject;
  readonly status: SampledStatus;
}

/** Writes samples into statuses: those that say something new, each queue in its turn and with its newest sample. */
export class SampledWrites implements ObjectMemory {
  readonly #writes: PacedWrites<Offer>;
  readonly #onHeld: (queue: QueueObject) => void;

  constructor({ clock, write, onError, onHeld }: SampledWritesOptions) {
    this.#onHeld = onHeld;
    this.#writes = new PacedWrites({
      clock,
      everyMs: MIN_WRITE_INTERVAL_MS,
      namespaceOf: ({ queue }) => queue.metadata.namespace ?? '',
      write: ({ queue, status }, signal) => write(queue, status, signal),
      onError: ({ queue }, error) => onError(queue, error),
    });
  }

  /** Takes a sample of `queue`, whose status is the one that was seen last. */
  offer(queue: QueueObject, status: SampledStatus): void {
    const { uid = '', deletionTimestamp } = queue.metadata;
    const unchanged = isDeepStrictEqual(queue.status?.counts, status.counts);
    if (isWorthWriting(queue.status, status, this.#writes.backlogMs) && !deletionTimestamp) {
      this.#writes.offer(uid, { queue, status });
    } else if (deletionTimestamp || unchanged) {
      this.#writes.withdraw(uid);
      if (unchanged) this.#onHeld(queue);
    }
    // Counts that move to and fro keep their turn, or they would wait for it again and again.
    else if (this.#writes.waits(uid)) this.#writes.offer(uid, { queue, status });
  }

  forget(uid: string): void {
    this.#writes.forget(uid);
  }

  /** Writes until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#writes.run(signal);
  }
}
