import { classifyRedisError } from '@redis-queue/bullmq';
import { RetryLaterError, unlessAborted } from '@redis-queue/controller';

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

/** The call was not begun, or not waited for any longer, because its Redis does not answer. */
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

/** What is known of a target: that it answers, nothing, or that it did not answer the last time. */
type Standing = 'proven' | 'new' | 'failing';

interface Circuit {
  /** When each running call began. */
  readonly running: Set<{ readonly sinceMs: number }>;
  /** Calls that wait for one of these to end, oldest first. */
  waiting: (() => void)[];
  failures: number;
  openUntilMs: number;
  provenAtMs: number;
}

/**
 * Keeps what one Redis does from others: each target has a share of the calls that run at once, a deadline, and a circuit breaker that
 * opens for 0.5 s to 30 s when it does not answer (Nygard, "Release It!", 2007, ch. 5). A target that has answered within a minute gets all
 * slots but two. Any other gets one call at a time: those that never failed together half of the slots, those that failed a quarter, so that
 * a new target does not wait for targets that are known to hang.
 *
 * What it remembers of a target is small, and dropped by `forgetIdle`.
 */
export class CircuitBreakers {
  readonly #options: Required<CircuitBreakerOptions>;
  readonly #circuits = new Map<string, Circuit>();
  /** Running calls by the standing of their targets. */
  readonly #running = { proven: 0, new: 0, failing: 0 };

  constructor(options: CircuitBreakerOptions) {
    this.#options = { timeoutMs: CALL_TIMEOUT_MS, ...options };
  }

  /**
   * @param call gets a signal that aborts at the deadline; it is not waited for beyond that.
   * @throws CircuitOpenError when the Redis did not answer, now or lately; RetryLaterError when its share of calls is used up; else what
   * `call` throws.
   */
  async run<T>(targetKey: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const circuit = this.#circuitOf(targetKey);
    const { now } = this.#options;
    const standing = this.#standingOf(circuit);
    // One that is not known to be slow is given the whole time only when it has failed to answer in half of it.
    const timeoutMs = standing === 'new' ? this.#options.timeoutMs / 2 : this.#options.timeoutMs;
    if (standing === 'proven') while (circuit.running.size >= this.#provenShare && (await slotFreed(circuit)));
    this.#admit(circuit, standing);
    const running = { sinceMs: now() };
    circuit.running.add(running);
    this.#running[standing]++;
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
      this.#running[standing]--;
      circuit.waiting.shift()?.();
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

  get #provenShare(): number {
    return Math.max(1, this.#options.slots - 2);
  }

  #admit(circuit: Circuit, standing: Standing): void {
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
    const share = standing === 'proven' ? this.#provenShare : 1;
    const most = {
      proven: slots,
      new: Math.max(1, Math.floor(slots / 2)),
      failing: Math.max(1, Math.floor(slots / 4)),
    };
    const crowded = this.#running[standing] >= most[standing];
    if (suspect || crowded || circuit.running.size >= share) {
      throw new RetryLaterError('the share of calls of its Redis is used up', BUSY_RETRY_MS);
    }
  }

  #standingOf({ failures, provenAtMs }: Circuit): Standing {
    if (failures > 0) return 'failing';
    return this.#options.now() - provenAtMs < PROVEN_FOR_MS ? 'proven' : 'new';
  }

  #circuitOf(targetKey: string): Circuit {
    const known = this.#circuits.get(targetKey);
    if (known) return known;
    const circuit: Circuit = {
      running: new Set(),
      waiting: [],
      failures: 0,
      openUntilMs: -Infinity,
      provenAtMs: -Infinity,
    };
    this.#circuits.set(targetKey, circuit);
    return circuit;
  }
}

/** Waits for one of the target's own calls to end. @returns false when none has, and the target is suspect */
async function slotFreed(circuit: Circuit): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const free = (): void => resolve(true);
  circuit.waiting.push(free);
  const timer = setTimeout(resolve, SUSPECT_AFTER_MS, false);
  const freed = await promise;
  clearTimeout(timer);
  circuit.waiting = circuit.waiting.filter((each) => each !== free);
  return freed;
}

/** Whether the target itself failed, rather than this one call of it. */
function isOutage(error: unknown): boolean {
  return classifyRedisError(error).reason === 'RedisUnreachable';
}
