import { classifyRedisError, ProtocolError } from '@redis-queue/bullmq';
import { unlessAborted } from '@redis-queue/controller';
import { Circuit, type Outage } from './circuit.ts';

/** A Redis that does not answer in this time is taken for one that will not. */
const CALL_TIMEOUT_MS = 3_000;

/** The call was not begun, or not waited for any longer, because its Redis does not answer. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError';
  /** When a call is let through again. Only for who asked last: one object that tries again then is enough. */
  readonly probeAfterMs: number | undefined;

  /** @param cause what the Redis failed with, of any of its calls; undefined when it did not answer in time. */
  constructor(cause: unknown, probeAfterMs?: number) {
    super('Redis did not answer in time; it is tried again within 10 s', { cause });
    this.probeAfterMs = probeAfterMs;
  }
}

/** Called with what happens, for metrics. */
export interface CircuitObserver {
  opened(): void;
  refused(): void;
}

export interface CircuitBreakerOptions {
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Of a call. Default 3 s; half of it for a Redis of which nothing is known. */
  readonly timeoutMs?: number;
  readonly observer?: CircuitObserver;
  /** Called when a Redis that had failed answers again. */
  readonly onRecovered?: (targetKey: string) => void;
}

interface Entry {
  readonly circuit: Circuit;
  running: number;
  /** Settles when the probe under way has ended; never rejects. */
  probe: Promise<void> | undefined;
}

/**
 * Keeps what hangs at one Redis from taking longer than it must: each call has a deadline, one call finds out for all
 * others whether a Redis answers, and one that does not is left alone for 0.5 s to 6 s. How many calls run at once is
 * not decided here but by the shares of reconciles in `libs/controller`.
 *
 * What it remembers of a target is small, and dropped by `forgetIdle`.
 */
export class CircuitBreakers {
  readonly #options: CircuitBreakerOptions & { readonly timeoutMs: number };
  readonly #entries = new Map<string, Entry>();

  constructor(options: CircuitBreakerOptions) {
    this.#options = { timeoutMs: CALL_TIMEOUT_MS, ...options };
  }

  /**
   * @param call gets a signal that aborts at the deadline; it is not waited for beyond that. Connect in it, not before.
   * @throws CircuitOpenError when the Redis does not answer, now or lately; else what `call` throws.
   */
  async run<T>(targetKey: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const entry = this.#entryOf(targetKey);
    entry.running++;
    try {
      for (;;) {
        const admission = entry.circuit.admit(this.#options.now());
        if (admission.kind === 'refuse') {
          this.#options.observer?.refused();
          throw new CircuitOpenError(admission.cause);
        }
        if (admission.kind === 'call') return await this.#call(targetKey, entry, call);
        if (!entry.probe) return await this.#probe(targetKey, entry, call);
        await entry.probe;
      }
    } finally {
      entry.running--;
    }
  }

  /** Lets the next call through: the connection to the target was established. */
  retry(targetKey: string): void {
    this.#entries.get(targetKey)?.circuit.retry();
  }

  /** Targets to which no call is let through now. */
  openTargets(): string[] {
    const nowMs = this.#options.now();
    return [...this.#entries].filter(([, { circuit }]) => circuit.isOpen(nowMs)).map(([targetKey]) => targetKey);
  }

  /** Drops what is remembered of targets that nobody uses any more. */
  forgetIdle(used: ReadonlySet<string>): void {
    for (const [targetKey, { running }] of this.#entries) {
      if (running === 0 && !used.has(targetKey)) this.#entries.delete(targetKey);
    }
  }

  async #probe<T>(targetKey: string, entry: Entry, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    entry.probe = promise;
    try {
      return await this.#call(targetKey, entry, call);
    } finally {
      entry.probe = undefined;
      resolve();
    }
  }

  async #call<T>(targetKey: string, { circuit }: Entry, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    const { outage } = circuit;
    const deadline = new AbortController();
    const late = new Error('no answer in time');
    const timer = setTimeout(() => deadline.abort(late), circuit.isUnknown ? timeoutMs / 2 : timeoutMs);
    try {
      const result = await unlessAborted(deadline.signal, () => call(deadline.signal));
      this.#answered(targetKey, circuit);
      return result;
    } catch (error) {
      if (error === late) throw this.#failed(circuit, undefined, outage);
      // What closed the connection is named, to all that use it: later calls would only find that there is none.
      const isGone = error instanceof ProtocolError || classifyRedisError(error).reason === 'RedisUnreachable';
      if (isGone) throw this.#failed(circuit, error, outage);
      // What was refused was answered; any other error says nothing of the Redis.
      if (error instanceof Error && error.name === 'ReplyError') this.#answered(targetKey, circuit);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #answered(targetKey: string, circuit: Circuit): void {
    if (circuit.succeed()) this.#options.onRecovered?.(targetKey);
  }

  #failed(circuit: Circuit, error: unknown, outage: Outage): CircuitOpenError {
    const { now, observer } = this.#options;
    const nowMs = now();
    const { cause, opened } = circuit.fail(error, outage, nowMs);
    if (!opened) return new CircuitOpenError(cause);
    observer?.opened();
    return new CircuitOpenError(cause, circuit.retryAfterMs(nowMs));
  }

  #entryOf(targetKey: string): Entry {
    let entry = this.#entries.get(targetKey);
    if (!entry) this.#entries.set(targetKey, (entry = { circuit: new Circuit(), running: 0, probe: undefined }));
    return entry;
  }
}
