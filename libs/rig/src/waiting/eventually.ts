import { setTimeout as delay } from 'node:timers/promises';
import { PATIENCE } from './patience.ts';

export interface EventuallyOptions {
  /** How long it may take on a machine at rest, default 30 s; `PATIENCE` times as long is waited. */
  timeoutMs?: number;
  /** Pause between two tries; default 50 ms. */
  intervalMs?: number;
  /** What is waited for, for the error: "the pool to be ready". */
  description?: string;
}

/**
 * Calls `probe` until it returns something other than undefined or false, and returns that.
 * A throw counts as "not yet", so assertions can be retried: end such a probe with `return true`.
 *
 * @throws an Error that says what was waited for, with the last failure as message and cause.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { timeoutMs = 30_000, intervalMs = 50, description = 'the probe to succeed' }: EventuallyOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const waitMs = timeoutMs * PATIENCE;
  const deadline = performance.now() + waitMs;
  for (;;) {
    let last: unknown;
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
      last = new Error(`the probe returned ${String(value)}; one that only asserts ends with "return true"`);
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const why = last instanceof Error ? last.message : String(last);
      throw new Error(`waited ${waitMs} ms for ${description}: ${why}`, { cause: last });
    }
    await delay(intervalMs);
  }
}
