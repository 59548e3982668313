import { ApiError, isExpired } from '../client/api-error.ts';

/** A watch that ended sooner, without an event, is a refusal in disguise. */
export const SHORT_WATCH_MS = 1_000;
/** A server restored from a backup knows no version as new as ours; only a list shows that. */
const WATCH_FAILURES_BEFORE_LIST = 5;

/** Where a reflector continues from, whatever happens. Pure: time is a parameter. */
export class ReflectorState {
  #version: string | undefined;
  #watchFailures = 0;
  #listedAt = Number.NEGATIVE_INFINITY;

  /** Watch from here; undefined: list first. */
  get version(): string | undefined {
    return this.#version;
  }

  listed(resourceVersion: string, nowMs: number): void {
    this.#version = resourceVersion;
    this.#listedAt = nowMs;
    this.#watchFailures = 0;
  }

  /** An event or bookmark came. */
  advanced(resourceVersion: string | undefined): void {
    this.#watchFailures = 0;
    if (resourceVersion !== undefined) this.#version = resourceVersion;
  }

  /** @returns whether to go on at once; else back off first */
  failed(error: unknown, nowMs: number): 'at once' | 'after a while' {
    this.#watchFailures++;
    const refused = error instanceof ApiError && error.code !== 429 && error.code !== 401 && error.code < 500;
    if (refused || this.#watchFailures >= WATCH_FAILURES_BEFORE_LIST) this.#version = undefined;
    // Our version is too old: a list cures that. If it was listed just now, something else is wrong.
    return isExpired(error) && nowMs - this.#listedAt > SHORT_WATCH_MS ? 'at once' : 'after a while';
  }
}
