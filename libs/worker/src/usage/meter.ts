import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import type { Lag } from '../observability/event-loop-lag.ts';
import { readResources, type ResourceReading } from './resources.ts';

/** What a pod used over some time in which it ran jobs. Means over that time unless said otherwise. */
export interface PodUsage {
  readonly periodMs: number;
  /** Jobs it may run at once. */
  readonly slots: number;
  /** Jobs it ran at once. */
  readonly busy: number;
  /** CPU cores in use, over the container. */
  readonly cpu: number;
  /** The most memory in use, bytes. */
  readonly memory: number;
  readonly memoryLimit?: number;
  /** Share of the time in which the event loop of the main thread had something to do, 0..1. */
  readonly eventLoop: number;
  /** Share of scheduling periods in which the CPU limit stopped the container, 0..1. */
  readonly throttled?: number;
  /** Runs that ended. */
  readonly jobs: number;
  /** Mean time of these runs. */
  readonly runMs?: number;
  /** How long what was due waited for the event loop: in all but one of a hundred moments less; at most. */
  readonly lagP99Ms?: number;
  readonly lagMaxMs?: number;
  /** Handlers that go on now although their job has failed; absent: none. */
  readonly stuck?: number;
}

/** What a meter reads; tests give numbers of their own. */
export interface MeterSources {
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly resources: () => ResourceReading;
  readonly eventLoop: () => EventLoopUtilization;
  /** The lag of the event loop since it was last asked for. */
  readonly lag?: () => Lag;
  readonly stuckHandlers?: () => number;
}

const PROCESS: MeterSources = {
  now: () => performance.now(),
  resources: () => readResources(),
  eventLoop: () => performance.eventLoopUtilization(),
};

/** Measures what the pod uses while its jobs run. Exact for jobs and CPU; memory is the highest of its samples. */
export class UsageMeter {
  readonly #slots: number;
  readonly #sources: MeterSources;
  #running = 0;
  #busyMs = 0;
  #changedMs: number;
  #jobs = 0;
  #runMs = 0;
  #memory = 0;
  #from: { readonly atMs: number; readonly resources: ResourceReading; readonly eventLoop: EventLoopUtilization };

  constructor(slots: number, sources: Partial<MeterSources> = {}) {
    this.#slots = slots;
    this.#sources = { ...PROCESS, ...sources };
    const { now, resources, eventLoop } = this.#sources;
    this.#changedMs = now();
    this.#from = { atMs: this.#changedMs, resources: resources(), eventLoop: eventLoop() };
  }

  /** A job starts; call what is returned when its run is over. */
  begin(): () => void {
    const startedMs = this.#count(1);
    return () => {
      this.#runMs += this.#count(-1) - startedMs;
      this.#jobs++;
    };
  }

  /**
   * Samples the memory; call it every few seconds.
   *
   * @returns which part of its limit is in use; 0 without a limit.
   */
  sample(): number {
    const { memoryBytes, memoryLimitBytes = Infinity } = this.#sources.resources();
    this.#memory = Math.max(this.#memory, memoryBytes);
    return memoryBytes / memoryLimitBytes;
  }

  /** What was used since the last call; undefined when no job ran and no handler is stuck. @param always even then */
  take(always = false): PodUsage | undefined {
    const { resources, eventLoop, stuckHandlers } = this.#sources;
    const nowMs = this.#count(0);
    const [before, now] = [this.#from, resources()];
    const loop = eventLoop();
    const periodMs = nowMs - before.atMs;
    const [busyMs, jobs, runMs] = [this.#busyMs, this.#jobs, this.#runMs];
    const memory = Math.max(this.#memory, now.memoryBytes);
    this.#from = { atMs: nowMs, resources: now, eventLoop: loop };
    this.#busyMs = this.#jobs = this.#runMs = this.#memory = 0;
    const lag = this.#sources.lag?.();
    const stuck = stuckHandlers?.() ?? 0;
    if (periodMs <= 0 || (busyMs <= 0 && stuck === 0 && !always)) return undefined;
    const throttled = throttledShare(before.resources, now);
    return {
      periodMs: Math.round(periodMs),
      slots: this.#slots,
      busy: round(busyMs / periodMs),
      cpu: round(Math.max(0, now.cpuSeconds - before.resources.cpuSeconds) / (periodMs / 1_000)),
      memory: Math.round(memory),
      ...(now.memoryLimitBytes !== undefined && { memoryLimit: now.memoryLimitBytes }),
      eventLoop: round(loopShare(before.eventLoop, loop)),
      ...(throttled !== undefined && { throttled }),
      jobs,
      ...(jobs > 0 && { runMs: round(runMs / jobs) }),
      ...(lag && { lagP99Ms: lag.p99Ms, lagMaxMs: lag.maxMs }),
      ...(stuck > 0 && { stuck }),
    };
  }

  /** @returns the time */
  #count(change: number): number {
    const nowMs = this.#sources.now();
    this.#busyMs += this.#running * (nowMs - this.#changedMs);
    this.#changedMs = nowMs;
    this.#running += change;
    return nowMs;
  }
}

function loopShare(before: EventLoopUtilization, now: EventLoopUtilization): number {
  const active = now.active - before.active;
  const all = active + now.idle - before.idle;
  return all > 0 ? Math.min(1, active / all) : 0;
}

function throttledShare(before: ResourceReading, now: ResourceReading): number | undefined {
  if (now.cpuPeriods === undefined || now.cpuPeriodsThrottled === undefined) return undefined;
  const periods = now.cpuPeriods - (before.cpuPeriods ?? 0);
  return periods > 0 ? round((now.cpuPeriodsThrottled - (before.cpuPeriodsThrottled ?? 0)) / periods) : 0;
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
