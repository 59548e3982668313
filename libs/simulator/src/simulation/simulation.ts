import { furtherRuns } from '../loads/schedulers.ts';
import type { Workload } from '../loads/workload.ts';
import type { Environment } from './environment.ts';
import { EventHeap } from './event-heap.ts';
import { Fleet, type Pod, type Running } from './fleet.ts';
import { FreeSlots } from './free-slots.ts';
import { JobQueue } from './job-queue.ts';
import type { InLine } from './line.ts';
import { PodLives, type PodEvent } from './pod-lives.ts';
import { SimulatedPool, type Pool, type QueueView } from './pool.ts';
import { Ledger, summedLevels, type Run } from './run.ts';

/** The most that a run may use to be of interest. */
export interface Bounds {
  readonly waitTargetMs: number;
  /** Starts that waited longer than that. */
  readonly lateStarts: number;
  readonly podSeconds: number;
}

export const UNBOUNDED: Bounds = { waitTargetMs: Infinity, lateStarts: Infinity, podSeconds: Infinity };

/** A run ends this long after the last job was added, whatever still waits. */
const GIVEN_UP_AFTER_MS = 12 * 3_600_000;

export type Event =
  | Running
  | PodEvent
  | { readonly kind: 'due'; readonly entry: InLine }
  | { readonly kind: 'limit over' }
  | { readonly kind: 'resize'; readonly pool: SimulatedPool; readonly to: number };

/** One run: the queue, its pools, their pods, and the events between them. */
export class Simulation implements QueueView {
  nowMs = 0;
  readonly #workload: Workload;
  readonly #environment: Environment;
  readonly #bounds: Bounds;
  readonly #events = new EventHeap<Event>();
  readonly #queue: JobQueue;
  readonly #slots = new FreeSlots<Pod>();
  readonly #pools: readonly SimulatedPool[];
  readonly #lives: PodLives;
  readonly #ledger: Ledger;
  #limitedUntilMs = 0;
  #late = 0;
  #jobMs = 0;

  constructor(workload: Workload, pools: readonly Pool[], environment: Environment, bounds: Bounds) {
    const { concurrency } = environment;
    const { durationMs, deduplication, limits } = workload;
    this.#bounds = bounds;
    this.#workload = workload;
    this.#environment = environment;
    this.#queue = new JobQueue(workload);
    this.#pools = pools.map((pool) => new SimulatedPool(pool, new Fleet(concurrency, durationMs, this.#slots), this));
    this.#ledger = new Ledger(durationMs, deduplication !== undefined || limits !== undefined);
    this.#lives = new PodLives(environment, this.#events, this.#queue, this.#ledger, () => this.readyPods > 0);
  }

  /** @returns undefined when the run left its bounds. */
  run(): Run | undefined {
    const { addedMs, durationMs } = this.#workload;
    const givenUpMs = durationMs + GIVEN_UP_AFTER_MS;
    const queue = this.#queue;
    for (;;) {
      const nextJobMs = addedMs[queue.added] ?? Infinity;
      const pool = this.#nextPool();
      const atMs = Math.min(nextJobMs, this.#events.nextMs, pool.nextTickMs);
      const done = queue.unfinished === 0 && nextJobMs === Infinity;
      if (atMs > givenUpMs || (done && atMs > durationMs)) break;
      this.#jobMs += (queue.ready + queue.active) * (atMs - this.nowMs);
      this.nowMs = atMs;
      if (this.#events.nextMs <= atMs) this.#handle(this.#events.pop()!);
      else if (nextJobMs <= atMs) this.#add();
      else this.#tick(pool);
      if (this.#late > this.#bounds.lateStarts || this.#hasUsed(this.#bounds.podSeconds)) return undefined;
    }
    return {
      scaler: this.#pools.map(({ scaler }) => scaler.name).join(' and '),
      jobs: queue.jobs,
      completed: queue.completed,
      neverStarted: queue.jobs - queue.completed - queue.active,
      podSeconds: this.#pools.reduce((sum, { fleet }) => sum + fleet.podSeconds(durationMs), 0),
      changes: this.#pools.flatMap(({ changes }) => changes).toSorted((a, b) => a.atMs - b.atMs),
      supply: summedLevels(this.#pools.map(({ fleet }) => fleet.supply)),
      ...this.#ledger.totals,
    };
  }

  get readyPods(): number {
    return this.#pools.reduce((sum, { fleet }) => sum + fleet.readyPods, 0);
  }

  slotsOfAll(): ReturnType<QueueView['slotsOfAll']> {
    const { concurrency, maxReplicas } = this.#environment;
    const pools = this.#pools.filter(({ fromMs }) => fromMs <= this.nowMs);
    if (pools.length === 1) return undefined;
    const present = pools.reduce((sum, { replicas }) => sum + replicas, 0) * concurrency;
    return { present, most: pools.length * maxReplicas * concurrency };
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
    return this.#queue.delayedJobs.dueUntil(this.nowMs + ms);
  }

  get hasSchedulers(): boolean {
    return this.#workload.schedulers !== undefined;
  }

  scheduledWithin(ms: number): number {
    const { schedulers, durationMs } = this.#workload;
    return schedulers === undefined || this.nowMs > durationMs ? 0 : furtherRuns(schedulers, this.nowMs, ms);
  }

  nextDueMs(): number {
    return this.#queue.delayedJobs.nextMs();
  }

  headReadyMs(): number | undefined {
    return this.#queue.line.headReadyMs();
  }

  limitPerSecond(): number | undefined {
    return this.#queue.limiter?.seenPerSecond(this.nowMs);
  }

  jobMs(): number {
    return this.#jobMs;
  }

  #nextPool(): SimulatedPool {
    let next = this.#pools[0]!;
    if (this.#pools.length > 1) for (const pool of this.#pools) if (pool.nextTickMs < next.nextTickMs) next = pool;
    return next;
  }

  #hasUsed(podSeconds: number): boolean {
    if (this.#pools.length === 1) return this.#pools[0]!.fleet.hasUsed(podSeconds, this.nowMs);
    return this.#pools.reduce((sum, { fleet }) => sum + fleet.podSeconds(this.nowMs), 0) > podSeconds;
  }

  #add(): void {
    const entry = this.#queue.add(this.nowMs);
    if (entry === undefined) return; // Of the keys that wake the autoscaler, a duplicate changes none.
    this.#comes(entry);
    for (const pool of this.#pools) pool.wake();
  }

  /** A job is ready now, or delayed until it is. */
  #comes(entry: InLine): void {
    if (entry.readyMs > this.nowMs) {
      this.#queue.delay(entry);
      this.#events.push(entry.readyMs, { kind: 'due', entry });
    } else {
      this.#queue.push(entry);
      this.#serve();
    }
  }

  #serve(): void {
    const queue = this.#queue;
    while (queue.ready > 0) {
      const pod = this.#slots.next();
      if (pod === undefined) return;
      if (queue.overdue > 0) queue.promote();
      const blockedUntilMs = queue.limiter?.blockedUntilMs(this.nowMs);
      if (blockedUntilMs !== undefined) return this.#waitForLimit(blockedUntilMs);
      queue.limiter?.count(this.nowMs);
      this.#slots.take(pod);
      this.#start(pod, queue.line.shift()!);
    }
  }

  #waitForLimit(untilMs: number): void {
    if (this.#limitedUntilMs >= untilMs) return;
    this.#limitedUntilMs = untilMs;
    this.#events.push(untilMs, { kind: 'limit over' });
  }

  #start(pod: Pod, entry: InLine): void {
    const waitMs = this.nowMs - entry.readyMs;
    if (waitMs > this.#bounds.waitTargetMs) this.#late++;
    this.#ledger.started(entry.job, waitMs, this.nowMs);
    this.#queue.active++;
    const at = pod.running.length;
    const running: Running = {
      kind: 'finished',
      pod,
      entry,
      waitMs,
      startedMs: this.nowMs,
      at,
      interrupted: false,
    };
    pod.running.push(running);
    this.#events.push(this.nowMs + this.#workload.serviceMs[entry.job]!, running);
  }

  #handle(event: Event): void {
    switch (event.kind) {
      case 'finished':
        return event.interrupted ? undefined : this.#finish(event);
      case 'due':
        return this.#queue.due(event.entry) ? this.#serve() : undefined;
      case 'limit over':
        return this.#serve();
      case 'resize':
        return this.#resize(event.pool, event.to);
      default:
        // Jobs may be in line again, or slots free.
        if (this.#lives.handle(event, this.nowMs)) this.#serve();
    }
  }

  #finish(running: Running): void {
    const { pod, entry, waitMs, startedMs } = running;
    this.#ledger.worked(startedMs, this.nowMs);
    pod.fleet.freeSlot(running, this.nowMs);
    if (pod.state === 'gone') this.#lives.left(pod, this.nowMs);
    const retry = this.#queue.ended(entry, this.nowMs);
    if (retry !== undefined) this.#comes(retry);
    else {
      const serviceMs = this.#workload.serviceMs[entry.job]!;
      for (const { finished } of this.#pools) finished.add(entry.ran ? undefined : waitMs, serviceMs);
    }
    this.#serve();
  }

  #tick(pool: SimulatedPool): void {
    const to = pool.tick();
    if (to !== undefined) this.#events.push(this.nowMs + pool.scaler.applyMs, { kind: 'resize', pool, to });
  }

  #resize(pool: SimulatedPool, desired: number): void {
    const from = pool.replicas;
    const to = Math.max(0, Math.min(this.#environment.maxReplicas, desired));
    if (to === from) return;
    const which = this.#pools.length > 1 && { pool: this.#pools.indexOf(pool) };
    pool.changes.push({ atMs: this.nowMs, from, to, ...which });
    if (to > from) return this.#lives.begin(pool.fleet, to - from, this.nowMs);
    for (const pod of pool.fleet.shrink(to, pool.scaler.victims, this.nowMs)) this.#lives.drains(pod, this.nowMs);
  }
}
