import { DelayedJobs } from './delayed-jobs.ts';
import { EventHeap } from './event-heap.ts';
import { Fleet, type Level, type Pod } from './fleet.ts';
import { Line, type InLine } from './line.ts';
import { seededRandom, type Distribution, type Random } from '../loads/random.ts';
import type { PoolView, Scaler, TakenJobs } from './scaler.ts';
import type { Workload } from '../loads/workload.ts';

export interface Environment {
  /** Jobs a pod runs at once. */
  readonly concurrency: number;
  readonly maxReplicas: number;
  /** From a pod's creation to its first fetch, ms. */
  readonly podStartMs: Distribution;
  readonly seed: number;
}

export interface Change {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
}

/** What happened. Starts count each attempt of a job; times are ms. */
export interface Run {
  readonly scaler: string;
  readonly jobs: number;
  readonly completed: number;
  /** Of each start, in the order of the starts. */
  readonly waitsMs: Float64Array;
  readonly startedMs: Float64Array;
  /** Attempts still in line when the run was given up. */
  readonly neverStarted: number;
  /** Within the workload's duration, starting and draining pods included. */
  readonly podSeconds: number;
  readonly changes: readonly Change[];
  /** Ready pods over time. */
  readonly supply: readonly Level[];
}

/** The most that a run may use to be of interest. */
export interface Bounds {
  readonly waitTargetMs: number;
  /** Starts that waited longer than that. */
  readonly lateStarts: number;
  readonly podSeconds: number;
}

const UNBOUNDED: Bounds = { waitTargetMs: Infinity, lateStarts: Infinity, podSeconds: Infinity };

/** A run ends this long after the last job was added, whatever still waits. */
const GIVEN_UP_AFTER_MS = 12 * 3_600_000;

/**
 * Runs `workload` through a pool sized by `scaler`, in simulated time: a discrete-event simulation. Pure: the same
 * arguments, with a fresh scaler, give the same run. No pod runs at the start.
 */
export function simulate(workload: Workload, scaler: Scaler, environment: Environment): Run {
  return new Simulation(workload, scaler, environment, UNBOUNDED).run()!;
}

/** As `simulate`; undefined as soon as the run is out of the bounds, which most runs of a search are early. */
export function simulateWithin(
  bounds: Bounds,
  workload: Workload,
  scaler: Scaler,
  environment: Environment,
): Run | undefined {
  return new Simulation(workload, scaler, environment, bounds).run();
}

type Event =
  | { readonly kind: 'finished'; readonly pod: Pod; readonly entry: InLine; readonly waitMs: number }
  | { readonly kind: 'due'; readonly entry: InLine }
  | { readonly kind: 'started'; readonly pod: Pod }
  | { readonly kind: 'resize'; readonly to: number };

class Simulation implements PoolView {
  nowMs = 0;
  active = 0;
  added = 0;
  readonly #workload: Workload;
  readonly #scaler: Scaler;
  readonly #environment: Environment;
  readonly #bounds: Bounds;
  readonly #random: Random;
  readonly #events = new EventHeap<Event>();
  readonly #line = new Line();
  readonly #delayed = new DelayedJobs();
  readonly #fleet: Fleet;
  readonly #waits: number[] = [];
  readonly #starts: number[] = [];
  readonly #changes: Change[] = [];
  readonly #finished: { waitMs: number | undefined; serviceMs: number }[] = [];
  #finishedSinceTaken = 0;
  #completed = 0;
  #late = 0;
  #jobMs = 0;
  #nextTickMs = 0;
  #wokenAfterMs: number | undefined;

  constructor(workload: Workload, scaler: Scaler, environment: Environment, bounds: Bounds) {
    this.#bounds = bounds;
    this.#workload = workload;
    this.#scaler = scaler;
    this.#environment = environment;
    this.#random = seededRandom(environment.seed);
    this.#fleet = new Fleet(environment.concurrency, workload.durationMs);
  }

  /** @returns undefined when the run left its bounds. */
  run(): Run | undefined {
    const { addedMs, durationMs } = this.#workload;
    const jobs = addedMs.length;
    const givenUpMs = durationMs + GIVEN_UP_AFTER_MS;
    for (;;) {
      const nextJobMs = addedMs[this.added] ?? Infinity;
      const atMs = Math.min(nextJobMs, this.#events.nextMs, this.#nextTickMs);
      if (atMs > givenUpMs || (this.#completed === jobs && atMs > durationMs)) break;
      this.#jobMs += (this.ready + this.active) * (atMs - this.nowMs);
      this.nowMs = atMs;
      if (this.#events.nextMs <= atMs) this.#handle(this.#events.pop()!);
      else if (nextJobMs <= atMs) this.#add();
      else this.#tick();
      if (this.#late > this.#bounds.lateStarts || this.#fleet.hasUsed(this.#bounds.podSeconds, atMs)) return undefined;
    }
    return {
      scaler: this.#scaler.name,
      jobs,
      completed: this.#completed,
      waitsMs: Float64Array.from(this.#waits),
      startedMs: Float64Array.from(this.#starts),
      neverStarted: jobs - this.#completed - this.active,
      podSeconds: this.#fleet.podSeconds(durationMs),
      changes: this.#changes,
      supply: this.#fleet.supply,
    };
  }

  get replicas(): number {
    return this.#fleet.replicas;
  }

  get readyPods(): number {
    return this.#fleet.readyPods;
  }

  get ready(): number {
    return this.#line.length;
  }

  get delayed(): number {
    return this.#delayed.size;
  }

  dueWithin(ms: number): number {
    return this.#delayed.dueUntil(this.nowMs + ms);
  }

  nextDueMs(): number {
    return this.#delayed.nextMs();
  }

  headReadyMs(): number | undefined {
    return this.#line.headReadyMs();
  }

  jobMs(): number {
    return this.#jobMs;
  }

  takeFinished(most: number): TakenJobs {
    const newest = this.#finished.slice(-Math.min(most, Math.max(1, this.#finishedSinceTaken)));
    const jobs = this.#finishedSinceTaken === 0 ? [] : newest.toReversed();
    const completed = this.#finishedSinceTaken;
    this.#finished.length = 0;
    this.#finishedSinceTaken = 0;
    return {
      completed,
      waitsMs: jobs.flatMap(({ waitMs }) => (waitMs === undefined ? [] : [Math.floor(waitMs)])),
      serviceMs: jobs.map(({ serviceMs }) => Math.round(serviceMs)),
    };
  }

  #add(): void {
    const job = this.added++;
    const delayMs = this.#workload.delayMs?.[job] ?? 0;
    this.#comes({ job, readyMs: this.nowMs + delayMs, attempt: 0 });
    if (this.#wokenAfterMs !== undefined)
      this.#nextTickMs = Math.min(this.#nextTickMs, this.nowMs + this.#wokenAfterMs);
  }

  /** A job is ready now, or delayed until it is. */
  #comes(entry: InLine): void {
    if (entry.readyMs <= this.nowMs) return this.#joinLine(entry);
    this.#delayed.add(entry.readyMs);
    this.#events.push(entry.readyMs, { kind: 'due', entry });
  }

  #joinLine(entry: InLine): void {
    this.#line.push(this.#workload.priority?.[entry.job] ?? 0, entry);
    this.#serve();
  }

  #serve(): void {
    while (this.#line.length > 0) {
      const pod = this.#fleet.takeSlot();
      if (pod === undefined) return;
      const entry = this.#line.shift()!;
      const waitMs = this.nowMs - entry.readyMs;
      if (waitMs > this.#bounds.waitTargetMs) this.#late++;
      this.#waits.push(waitMs);
      this.#starts.push(this.nowMs);
      this.active++;
      const serviceMs = this.#workload.serviceMs[entry.job]!;
      this.#events.push(this.nowMs + serviceMs, { kind: 'finished', pod, entry, waitMs });
    }
  }

  #handle(event: Event): void {
    switch (event.kind) {
      case 'finished':
        return this.#finish(event.pod, event.entry, event.waitMs);
      case 'due':
        this.#delayed.removeFirst();
        return this.#joinLine(event.entry);
      case 'started':
        if (this.#fleet.started(event.pod, this.nowMs)) this.#serve();
        return;
      case 'resize':
        return this.#resize(event.to);
    }
  }

  #finish(pod: Pod, { job, attempt }: InLine, waitMs: number): void {
    this.active--;
    this.#fleet.freeSlot(pod, this.nowMs);
    const { failures, backoffMs = 0, serviceMs } = this.#workload;
    if (attempt < (failures?.[job] ?? 0)) {
      this.#comes({ job, attempt: attempt + 1, readyMs: this.nowMs + backoffMs * 2 ** attempt });
    } else {
      this.#completed++;
      this.#finishedSinceTaken++;
      this.#finished.push({ waitMs: attempt === 0 ? waitMs : undefined, serviceMs: serviceMs[job]! });
      if (this.#finished.length > 1_000) this.#finished.splice(0, 500);
    }
    this.#serve();
  }

  #tick(): void {
    const { desired, nextMs, wokenAfterMs } = this.#scaler.tick(this);
    if (!(nextMs > this.nowMs)) throw new Error(`${this.#scaler.name} asked at ${this.nowMs} to be asked at ${nextMs}`);
    this.#nextTickMs = nextMs;
    this.#wokenAfterMs = wokenAfterMs;
    if (desired === undefined || desired === this.replicas) return;
    this.#events.push(this.nowMs + this.#scaler.applyMs, { kind: 'resize', to: desired });
  }

  #resize(desired: number): void {
    const from = this.replicas;
    const to = Math.max(0, Math.min(this.#environment.maxReplicas, desired));
    if (to === from) return;
    this.#changes.push({ atMs: this.nowMs, from, to });
    if (to < from) return this.#fleet.shrink(to, this.#scaler.victims, this.nowMs);
    for (const pod of this.#fleet.grow(to, this.nowMs)) {
      this.#events.push(this.nowMs + this.#environment.podStartMs(this.#random), { kind: 'started', pod });
    }
  }
}
