import type { ServerPressure } from '@redis-queue/bullmq';
import { CpuShare } from './cpu-share.ts';

/** Between two questions for memory and processor time. */
export const PRESSURE_EVERY_MS = 5_000;
/**
 * Of its memory limit: about to refuse the writes by which workers take jobs. Not less: a queue that fills the memory is worked off by
 * workers, so there must be some.
 */
const MEMORY_FULL = 0.98;
/** Of one core, in the thread that runs commands, over the time between two questions. */
const CPU_BUSY = 0.95;
/** A look takes a few ms. When for some seconds not one was faster than this, Redis is slow, and not one script or this process. */
const SLOW_LOOK_MS = 250;
const SLOW_FOR_MS = 3_000;
const SLOW_LOOKS = 3;

/** Whether a Redis is at its limit, from how long looks take and what the server says of itself. No I/O. */
export class Saturation {
  /** Looks without a fast one among them: how many, and from when to when. */
  #slow: { count: number; fromMs: number; toMs: number } | undefined;
  readonly #commandCpu = new CpuShare();
  #askedMs = -Infinity;
  #full = false;
  #busy = false;

  /** A look was answered. */
  looked(durationMs: number, nowMs: number): void {
    const { count = 0, fromMs = nowMs - durationMs } = this.#slow ?? {};
    this.#slow = durationMs < SLOW_LOOK_MS ? undefined : { count: count + 1, fromMs, toMs: nowMs };
  }

  /** Whether it is time to ask the server; the caller then does, once. */
  takeDue(nowMs: number): boolean {
    if (nowMs - this.#askedMs < PRESSURE_EVERY_MS) return false;
    this.#askedMs = nowMs;
    return true;
  }

  /** The server told. */
  told(pressure: ServerPressure, atMs: number): void {
    this.#full = (pressure.memory ?? 0) >= MEMORY_FULL;
    this.#busy = (this.#commandCpu.since(pressure.commandCpuMs, atMs) ?? 0) >= CPU_BUSY;
  }

  get saturated(): boolean {
    return this.#full || this.#busy || this.#isSlow();
  }

  #isSlow(): boolean {
    return (
      this.#slow !== undefined && this.#slow.count >= SLOW_LOOKS && this.#slow.toMs - this.#slow.fromMs >= SLOW_FOR_MS
    );
  }
}
