import type { ObjectMemory } from '@redis-queue/controller';

const MIN_PAUSE_MS = 2_000;
const MAX_PAUSE_MS = 10 * 60_000;

interface Attempt {
  readonly failures: number;
  readonly dueMs: number;
  /** Why it failed. */
  readonly why: string;
  /** With which credentials, as `connectionKey` names them. */
  readonly tried: readonly string[];
}

/**
 * What came of the attempts to release each former Redis, and when to try again: 2 s after the first failure, later
 * twice as long each time, up to ten minutes, for thousands of queues may have left one Redis; and at once with credentials
 * that were not tried before. After a restart all are tried at once. Times are monotonic.
 */
export class Attempts implements ObjectMemory {
  readonly #attempts = new Map<string, ReadonlyMap<string, Attempt>>();

  /** @param keys of the credentials that there are now */
  isDue(uid: string, address: string, keys: readonly string[], nowMs: number): boolean {
    const tried = this.#attempts.get(uid)?.get(address)?.tried ?? [];
    return this.dueInMs(uid, address, nowMs) === 0 || keys.some((key) => !tried.includes(key));
  }

  dueInMs(uid: string, address: string, nowMs: number): number {
    return Math.max(0, (this.#attempts.get(uid)?.get(address)?.dueMs ?? nowMs) - nowMs);
  }

  /** Why the last attempt failed; undefined: there was none. */
  whyHeld(uid: string, address: string): string | undefined {
    return this.#attempts.get(uid)?.get(address)?.why;
  }

  failed(uid: string, address: string, { why, tried }: Pick<Attempt, 'why' | 'tried'>, nowMs: number): void {
    const known = this.#attempts.get(uid) ?? new Map<string, Attempt>();
    const failures = (known.get(address)?.failures ?? 0) + 1;
    const dueMs = nowMs + Math.min(MIN_PAUSE_MS * 2 ** (failures - 1), MAX_PAUSE_MS);
    this.#attempts.set(uid, new Map(known).set(address, { failures, dueMs, why, tried }));
  }

  /** Forgets all addresses but those. */
  keepOnly(uid: string, addresses: readonly string[]): void {
    const known = this.#attempts.get(uid);
    if (!known) return;
    const left = [...known].filter(([address]) => addresses.includes(address));
    if (left.length === 0) this.#attempts.delete(uid);
    else if (left.length < known.size) this.#attempts.set(uid, new Map(left));
  }

  forget(uid: string): void {
    this.#attempts.delete(uid);
  }
}
