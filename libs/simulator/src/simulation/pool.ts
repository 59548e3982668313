import { FinishedJobs } from './finished-jobs.ts';
import type { Fleet } from './fleet.ts';
import type { PoolView, Scaler, TakenJobs } from './scaler.ts';

/** A pool of the queue: who sizes it, and from when on it exists. */
export interface Pool {
  readonly scaler: Scaler;
  readonly fromMs: number;
}

export interface Change {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
  /** Which of the pools, where there are several. */
  readonly pool?: number;
}

/** What every pool sees alike: the part of the view that is the queue's. */
export type QueueView = Omit<
  PoolView,
  'replicas' | 'readyPods' | 'unschedulablePods' | 'crashLoopingPods' | 'busyPods' | 'takeFinished'
>;

/** A pool in simulated time, and what its scaler sees. */
export class SimulatedPool implements PoolView {
  readonly scaler: Scaler;
  readonly fleet: Fleet;
  readonly changes: Change[] = [];
  readonly finished = new FinishedJobs();
  /** From when on it exists. */
  readonly fromMs: number;
  nextTickMs: number;
  #wokenAfterMs: number | undefined;
  readonly #queue: QueueView;

  constructor({ scaler, fromMs }: Pool, fleet: Fleet, queue: QueueView) {
    this.scaler = scaler;
    this.fleet = fleet;
    this.fromMs = fromMs;
    this.nextTickMs = fromMs;
    this.#queue = queue;
  }

  /** Asks the scaler. @returns the size that it wants, when that is another. */
  tick(): number | undefined {
    const { desired, nextMs, wokenAfterMs } = this.scaler.tick(this);
    if (!(nextMs > this.nowMs)) throw new Error(`${this.scaler.name} asked at ${this.nowMs} to be asked at ${nextMs}`);
    this.nextTickMs = nextMs;
    this.#wokenAfterMs = wokenAfterMs;
    return desired === this.replicas ? undefined : desired;
  }

  /** A job was added. */
  wake(): void {
    if (this.#wokenAfterMs !== undefined) this.nextTickMs = Math.min(this.nextTickMs, this.nowMs + this.#wokenAfterMs);
  }

  get nowMs(): number {
    return this.#queue.nowMs;
  }

  get replicas(): number {
    return this.fleet.replicas;
  }

  get readyPods(): number {
    return this.fleet.readyPods;
  }

  slotsOfAll(): ReturnType<PoolView['slotsOfAll']> {
    return this.#queue.slotsOfAll();
  }

  unschedulablePods(): number {
    return this.fleet.count(({ state }) => state === 'pending');
  }

  crashLoopingPods(): number {
    return this.fleet.count(({ loopsFromMs }) => loopsFromMs <= this.nowMs);
  }

  busyPods(): number {
    return this.fleet.count(({ running }) => running.length > 0);
  }

  get ready(): number {
    return this.#queue.ready;
  }

  get overdue(): number {
    return this.#queue.overdue;
  }

  get active(): number {
    return this.#queue.active;
  }

  get orphaned(): number {
    return this.#queue.orphaned;
  }

  get added(): number {
    return this.#queue.added;
  }

  get delayed(): number {
    return this.#queue.delayed;
  }

  dueWithin(ms: number): number {
    return this.#queue.dueWithin(ms);
  }

  get hasSchedulers(): boolean {
    return this.#queue.hasSchedulers;
  }

  scheduledWithin(ms: number): number {
    return this.#queue.scheduledWithin(ms);
  }

  nextDueMs(): number {
    return this.#queue.nextDueMs();
  }

  headReadyMs(): number | undefined {
    return this.#queue.headReadyMs();
  }

  limitPerSecond(): number | undefined {
    return this.#queue.limitPerSecond();
  }

  jobMs(): number {
    return this.#queue.jobMs();
  }

  takeFinished(most: number): TakenJobs {
    return this.finished.take(most);
  }
}
