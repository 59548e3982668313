import { classifyRedisError } from '@redis-queue/bullmq';
import { unlessAborted } from '@redis-queue/controller';

/** A Redis that does not answer in this time is taken for one that will not. */
export const CALL_TIMEOUT_MS = 3_000;
/** A Redis that has answered so lately is trusted with more than one call. */
const PROVEN_FOR_MS = 60_000;
/** A call that takes so long makes its Redis suspect: further ones are not begun. */
const SUSPECT_AFTER_MS = 500;
const MIN_OPEN_MS = 500;
const MAX_OPEN_MS = 30_000;
/** When to try again a call that was not begun for want of a share. */
const BUSY_RETRY_MS = 500;

/** The call was not begun, or not waited for any longer: its Redis is not to hold up others. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError';
  /** Until a call is let through again. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface CircuitBreakerOptions {
  /** Calls that may run at once, of all targets: the workers of the controller. */
  readonly slots: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly timeoutMs?: number;
}

interface Circuit {
  /** When each running call began. */
  readonly running: Set<{ readonly sinceMs: number }>;
  failures: number;
  openUntilMs: number;
  provenAtMs: number;
}

/**
 * Keeps what one Redis does from others: each target has a share of the calls that run at once, a deadline, and a circuit breaker that
 * opens for 0.5 s to 30 s when it does not answer (Nygard, "Release It!", 2007, ch. 5). A target that has not proven itself within a minute
 * gets one call at a time, and all such targets together half of the slots; one that has gets all but two.
 *
 * What it remembers of a target is small, and dropped by `forgetIdle`.
 */
export class CircuitBreakers {
  readonly #options: Required<CircuitBreakerOptions>;
  readonly #circuits = new Map<string, Circuit>();
  #unproven = 0;

  constructor(options: CircuitBreakerOptions) {
    this.#options = { timeoutMs: CALL_TIMEOUT_MS, ...options };
  }

  /**
   * @param call gets a signal that aborts at the deadline; it is not waited for beyond that.
   * @throws CircuitOpenError when the call is not begun, or did not end in time; else what `call` throws.
   */
  async run<T>(targetKey: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const circuit = this.#circuitOf(targetKey);
    const { now, timeoutMs } = this.#options;
    const proven = this.#isProven(circuit);
    this.#admit(circuit, proven);
    const running = { sinceMs: now() };
    circuit.running.add(running);
    if (!proven) this.#unproven++;
    const deadline = new AbortController();
    const late = new CircuitOpenError(`no answer in ${timeoutMs / 1_000} s`, 0);
    const timer = setTimeout(() => deadline.abort(late), timeoutMs);
    try {
      const result = await unlessAborted(deadline.signal, () => call(deadline.signal));
      circuit.failures = 0;
      circuit.provenAtMs = now();
      return result;
    } catch (error) {
      if (error !== late && !isOutage(error)) throw error;
      circuit.failures++;
      circuit.provenAtMs = -Infinity;
      const openMs = Math.min(MIN_OPEN_MS * 2 ** (circuit.failures - 1), MAX_OPEN_MS);
      circuit.openUntilMs = now() + openMs;
      throw error === late ? new CircuitOpenError(late.message, openMs) : error;
    } finally {
      clearTimeout(timer);
      circuit.running.delete(running);
      if (!proven) this.#unproven--;
    }
  }

  /** For the gauge of open circuits: targets to which no call is let through now. */
  openTargets(): string[] {
    const nowMs = this.#options.now();
    return [...this.#circuits].filter(([, { openUntilMs }]) => openUntilMs > nowMs).map(([targetKey]) => targetKey);
  }

  /** Drops what is remembered of targets that nobody uses any more. */
  forgetIdle(used: ReadonlySet<string>): void {
    for (const [targetKey, { running }] of this.#circuits) {
      if (running.size === 0 && !used.has(targetKey)) this.#circuits.delete(targetKey);
    }
  }

  #admit(circuit: Circuit, proven: boolean): void {
    const { now, slots } = this.#options;
    const nowMs = now();
    if (nowMs < circuit.openUntilMs) {
      const leftMs = circuit.openUntilMs - nowMs;
      throw new CircuitOpenError(
        `it did not answer before; it is tried again in ${Math.ceil(leftMs / 1_000)} s`,
        leftMs,
      );
    }
    const suspect = [...circuit.running].some(({ sinceMs }) => nowMs - sinceMs >= SUSPECT_AFTER_MS);
    const share = proven ? Math.max(1, slots - 2) : 1;
    const crowded = !proven && this.#unproven >= Math.max(1, Math.floor(slots / 2));
    if (suspect || crowded || circuit.running.size >= share) {
      throw new CircuitOpenError('its share of calls is used up; it is tried again at once', BUSY_RETRY_MS);
    }
  }

  #isProven({ failures, provenAtMs }: Circuit): boolean {
    return failures === 0 && this.#options.now() - provenAtMs < PROVEN_FOR_MS;
  }

  #circuitOf(targetKey: string): Circuit {
    const known = this.#circuits.get(targetKey);
    if (known) return known;
    const circuit: Circuit = { running: new Set(), failures: 0, openUntilMs: -Infinity, provenAtMs: -Infinity };
    this.#circuits.set(targetKey, circuit);
    return circuit;
  }
}

/** Whether the target itself failed, rather than this one call of it. */
function isOutage(error: unknown): boolean {
  return classifyRedisError(error).reason === 'RedisUnreachable';
}
