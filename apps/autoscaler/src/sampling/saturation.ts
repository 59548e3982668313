import type { ServerPressure } from '@redis-queue/bullmq';
import { CpuShare } from './cpu-share.ts';

/** How often the server is asked for memory and processor time. */
export const PRESSURE_EVERY_MS = 5_000;
/**
 * Share of its memory limit: the server is about to refuse the writes by which workers take jobs. The bound is not
 * lower, because a queue that fills the memory is emptied by workers, so there must be some.
 */
const MEMORY_FULL = 0.98;
/** Share of one core, in the thread that runs commands, between two reports. */
const CPU_BUSY = 0.95;
/**
 * A sample takes a few ms. When for some seconds none was faster than this, Redis is slow, and not one script or this
 * process.
 */
const SLOW_SAMPLE_MS = 250;
const SLOW_FOR_MS = 3_000;
const SLOW_SAMPLES = 3;

/**
 * Whether a Redis is at its limit, judged by how long samples take and by what the server reports of itself. No I/O.
 */
export class Saturation {
  /** The latest samples without a fast one among them: how many, and from when to when. */
  #slow: { count: number; fromMs: number; toMs: number } | undefined;
  readonly #commandCpu = new CpuShare();
  #askedMs = -Infinity;
  #full = false;
  #busy = false;

  /** A sample was answered. */
  sampled(durationMs: number, nowMs: number): void {
    const { count = 0, fromMs = nowMs - durationMs } = this.#slow ?? {};
    this.#slow = durationMs < SLOW_SAMPLE_MS ? undefined : { count: count + 1, fromMs, toMs: nowMs };
  }

  /** Whether it is time to ask the server; if so, the caller does it now. */
  takeDue(nowMs: number): boolean {
    if (nowMs - this.#askedMs < PRESSURE_EVERY_MS) return false;
    this.#askedMs = nowMs;
    return true;
  }

  /** The server reported its pressure. */
  reported(pressure: ServerPressure, atMs: number): void {
    this.#full = (pressure.memory ?? 0) >= MEMORY_FULL;
    this.#busy = (this.#commandCpu.since(pressure.commandCpuMs, atMs) ?? 0) >= CPU_BUSY;
  }

  get saturated(): boolean {
    return this.#full || this.#busy || this.#isSlow();
  }

  #isSlow(): boolean {
    return (
      this.#slow !== undefined && this.#slow.count >= SLOW_SAMPLES && this.#slow.toMs - this.#slow.fromMs >= SLOW_FOR_MS
    );
  }
}
