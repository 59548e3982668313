import { exponentialMs } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import { FairBand } from './fair-band.ts';
import { MinHeap } from './min-heap.ts';
import { Shares } from './shares.ts';
import type { AddOptions, WaitingKey, WorkQueueObserver, WorkQueueOptions } from './types.ts';

interface Item {
  readonly key: string;
  state: 'idle' | 'delayed' | 'ready' | 'processing';
  priority: number;
  /** When it becomes, or became, ready. */
  readyAt: number;
  /** Added again while processing: what to do when done. */
  again: { priority: number; readyAt: number } | undefined;
  failures: number;
  startedAt: number;
  /** As of when it became ready. */
  shares: readonly string[];
}

/** Back-off of one key: 5 ms·2ⁿ, at most 1000 s unless told otherwise, as client-go's. */
const MIN_BACKOFF_MS = 5;
const MAX_BACKOFF_MS = 1_000_000;
/** After a try that lasted longer than its back-off. */
const MIN_PAUSE_MS = 1_000;
/** Node fires a longer timer at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Every n-th take serves whoever has waited longest, if that is longer than AGED_MS: no priority starves. */
const AGED_TURN = 5;
const AGED_MS = 1_000;

/**
 * Keys to work on. A key waits at most once, at the highest priority and earliest time it was added with; while it is
 * worked on it is not handed out again, but an addition meanwhile queues it again. Within a priority, shares take turns,
 * as far as `Shares` admits them; within a share it is first come, first served.
 *
 * Lower priorities get every fifth turn once they have waited a second, so a resync of everything ends under a steady
 * stream of changes while a change still waits for at most one object of the resync.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #observer: WorkQueueObserver | undefined;
  readonly #maxBackoffMs: number;
  readonly #items = new Map<string, Item>();
  readonly #sharesOf: (key: string) => readonly string[];
  readonly #shares: Shares;
  readonly #bands = new Map<number, FairBand<Item>>();
  readonly #delayed = new MinHeap<{ item: Item; at: number }>((a, b) => a.at - b.at);
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #timer: { at: number; cancel(): void } | undefined;
  #turn = 0;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#observer = options.observer;
    this.#maxBackoffMs = options.maxBackoffMs ?? MAX_BACKOFF_MS;
    this.#sharesOf = options.sharesOf ?? (() => []);
    this.#shares = new Shares(options.capacity ?? Infinity);
  }

  /** Keys that wait to be taken now; delayed ones not counted. */
  get size(): number {
    let size = 0;
    for (const band of this.#bands.values()) size += band.size;
    return size;
  }

  /** When each key now worked on was taken, by the queue's clock. */
  processingSince(): number[] {
    return [...this.#items.values()].filter((item) => item.state === 'processing').map((item) => item.startedAt);
  }

  /** Keys that have been ready for at least `ageMs`, and are not taken. */
  waiting(ageMs: number): WaitingKey[] {
    const since = this.#clock.now() - ageMs;
    return [...this.#items.values()]
      .filter(({ state, readyAt }) => state === 'ready' && readyAt <= since)
      .map(({ key, shares }) => ({ key, usedUp: this.#shares.fullOf(shares) }));
  }

  /** Whether the key is one of `waiting(ageMs)`. */
  isWaiting(key: string, ageMs: number): boolean {
    const item = this.#items.get(key);
    return item?.state === 'ready' && item.readyAt <= this.#clock.now() - ageMs;
  }

  add(key: string, { priority = 0, afterMs = 0 }: AddOptions = {}): void {
    if (this.#closed) return;
    this.#observer?.added();
    const readyAt = this.#clock.now() + Math.max(0, afterMs);
    const item = this.#items.get(key) ?? this.#create(key);
    if (item.state === 'processing') {
      const again = item.again;
      item.again = again
        ? { priority: Math.max(again.priority, priority), readyAt: Math.min(again.readyAt, readyAt) }
        : { priority, readyAt };
    } else {
      this.#schedule(item, priority, readyAt);
    }
  }

  /**
   * Adds `key` after a back-off that doubles with every call until `forget`.
   *
   * @param options.lastedMs how long the failed try has lasted: the back-off counts from its beginning, but for the first
   *   second of it, so that what hangs is tried as often as what is refused.
   */
  addRateLimited(key: string, { lastedMs = 0, ...options }: { priority?: number; lastedMs?: number } = {}): void {
    const item = this.#items.get(key) ?? this.#create(key);
    this.#observer?.retried();
    const backoffMs = exponentialMs(item.failures++, MIN_BACKOFF_MS, this.#maxBackoffMs);
    this.add(key, { ...options, afterMs: Math.max(backoffMs - lastedMs, Math.min(backoffMs, MIN_PAUSE_MS)) });
  }

  failures(key: string): number {
    return this.#items.get(key)?.failures ?? 0;
  }

  /** The next back-off of `key` starts over. */
  forget(key: string): void {
    const item = this.#items.get(key);
    if (!item) return;
    item.failures = 0;
    this.#dropIdle(item);
  }

  /** Takes the next key; call `done` with it. Resolves with undefined when the queue is closed. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const item = this.#next();
    if (item) return Promise.resolve(this.#start(item));
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** The priority at which `key` was taken. */
  priorityOf(key: string): number {
    return this.#items.get(key)?.priority ?? 0;
  }

  done(key: string): void {
    const item = this.#items.get(key);
    if (item?.state !== 'processing') return;
    this.#observer?.worked((this.#clock.now() - item.startedAt) / 1000);
    this.#shares.end(item.shares);
    item.state = 'idle';
    const { again } = item;
    item.again = undefined;
    if (again && !this.#closed) {
      item.priority = Number.NEGATIVE_INFINITY;
      item.readyAt = Number.POSITIVE_INFINITY;
      this.#schedule(item, again.priority, again.readyAt);
    } else {
      this.#dropIdle(item);
    }
    this.#serveTakers();
  }

  /** Nothing is handed out or taken in any more; waiting takers get undefined. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #create(key: string): Item {
    const item: Item = {
      key,
      state: 'idle',
      priority: Number.NEGATIVE_INFINITY,
      readyAt: Number.POSITIVE_INFINITY,
      again: undefined,
      failures: 0,
      startedAt: 0,
      shares: [],
    };
    this.#items.set(key, item);
    return item;
  }

  #dropIdle(item: Item): void {
    if (item.state !== 'idle') return;
    item.priority = Number.NEGATIVE_INFINITY;
    item.readyAt = Number.POSITIVE_INFINITY;
    if (item.failures === 0) this.#items.delete(item.key);
  }

  #schedule(item: Item, priority: number, readyAt: number): void {
    const raised = Math.max(item.priority, priority);
    const earlier = Math.min(item.readyAt, readyAt);
    if (item.state === 'ready') {
      if (raised > item.priority) this.#moveToBand(item, raised);
      return;
    }
    item.priority = raised;
    if (earlier <= this.#clock.now()) {
      item.readyAt = earlier;
      this.#makeReady(item);
    } else if (item.state === 'idle' || earlier < item.readyAt) {
      item.readyAt = earlier;
      item.state = 'delayed';
      // An earlier entry of the same item stays behind in the heap and is skipped, as its time is not the item's.
      this.#delayed.push({ item, at: earlier });
      this.#armTimer();
    }
  }

  #makeReady(item: Item): void {
    item.state = 'ready';
    item.shares = this.#sharesOf(item.key);
    this.#bandOf(item.priority).push(item, item.shares);
    this.#reportDepth(item.priority);
    // While somebody waits, nothing else may be taken.
    if (this.#takers.length > 0 && this.#shares.fullOf(item.shares) === undefined)
      this.#takers.shift()!(this.#start(item));
  }

  /** Hands out what may be taken now to those who wait for it. */
  #serveTakers(): void {
    while (this.#takers.length > 0) {
      const next = this.#next();
      if (!next) return;
      this.#takers.shift()!(this.#start(next));
    }
  }

  #moveToBand(item: Item, priority: number): void {
    this.#bandOf(item.priority).remove(item, item.shares);
    this.#reportDepth(item.priority);
    item.priority = priority;
    this.#bandOf(priority).push(item, item.shares);
    this.#reportDepth(priority);
  }

  #next(): Item | undefined {
    let urgent: Item | undefined;
    let oldest: Item | undefined;
    for (const band of this.#bands.values()) {
      const head = band.peek((share, level) => this.#shares.admits(share, level));
      if (!head) continue;
      if (!urgent || head.priority > urgent.priority) urgent = head;
      if (!oldest || head.readyAt < oldest.readyAt) oldest = head;
    }
    if (!urgent || !oldest) return undefined;
    this.#turn = (this.#turn + 1) % AGED_TURN;
    const aged = this.#turn === 0 && this.#clock.now() - oldest.readyAt >= AGED_MS;
    return aged ? oldest : urgent;
  }

  #start(item: Item): string {
    this.#bandOf(item.priority).remove(item, item.shares);
    this.#shares.begin(item.shares);
    this.#reportDepth(item.priority);
    item.state = 'processing';
    item.startedAt = this.#clock.now();
    this.#observer?.waited((item.startedAt - item.readyAt) / 1000);
    return item.key;
  }

  #bandOf(priority: number): FairBand<Item> {
    let band = this.#bands.get(priority);
    if (!band) this.#bands.set(priority, (band = new FairBand()));
    return band;
  }

  #reportDepth(priority: number): void {
    this.#observer?.depth(priority, this.#bandOf(priority).size);
  }

  #armTimer(): void {
    const top = this.#delayed.peek();
    if (!top || this.#closed || (this.#timer && this.#timer.at <= top.at)) return;
    this.#timer?.cancel();
    const waitMs = Math.min(Math.max(0, top.at - this.#clock.now()), MAX_TIMER_MS);
    const timer = this.#clock.after(waitMs, () => {
      this.#timer = undefined;
      this.#wakeDelayed();
    });
    this.#timer = { at: top.at, cancel: () => timer.cancel() };
  }

  #wakeDelayed(): void {
    const now = this.#clock.now();
    for (let top = this.#delayed.peek(); top && top.at <= now; top = this.#delayed.peek()) {
      this.#delayed.pop();
      if (top.item.state === 'delayed' && top.item.readyAt === top.at) this.#makeReady(top.item);
    }
    this.#armTimer();
  }
}
