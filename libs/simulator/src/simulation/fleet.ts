import type { FreeSlots } from './free-slots.ts';
import type { InLine } from './line.ts';

/** One pod. Its slots are its concurrency. */
export interface Pod {
  readonly fleet: Fleet;
  readonly slots: number;
  /** `pending`: no node has room for it. */
  state: 'pending' | 'starting' | 'ready' | 'draining' | 'gone';
  readonly running: Running[];
  /** Its container ends again and again: it never becomes ready. */
  readonly bad: boolean;
  /** Since when the kubelet reports that; Infinity of a good one. */
  loopsFromMs: number;
}

/** A job in a slot, and the event of its end. */
export interface Running {
  readonly kind: 'finished';
  readonly pod: Pod;
  readonly entry: InLine;
  readonly waitMs: number;
  readonly startedMs: number;
  /** Its place in the pod's list. */
  at: number;
  /** It was taken from its pod before its end. */
  interrupted: boolean;
}

/** A change of a count at a time. */
export interface Level {
  readonly atMs: number;
  readonly pods: number;
}

/**
 * The pods of a pool: they start, take jobs, drain (running jobs finish, nothing new is taken) and go. A pod costs from
 * the moment it has a node until it is gone.
 */
export class Fleet {
  readonly slots: number;
  readonly supply: Level[] = [{ atMs: 0, pods: 0 }];
  readonly #countedUntilMs: number;
  readonly #free: FreeSlots<Pod>;
  /** Pods that were not asked to stop, oldest first. */
  #pods: Pod[] = [];
  #existing = 0;
  #ready = 0;
  #podMs = 0;
  #countedMs = 0;

  /** @param countedUntilMs pod-seconds after it are not counted. */
  constructor(slots: number, countedUntilMs: number, free: FreeSlots<Pod>) {
    this.slots = slots;
    this.#countedUntilMs = countedUntilMs;
    this.#free = free;
  }

  get replicas(): number {
    return this.#pods.length;
  }

  get readyPods(): number {
    return this.#ready;
  }

  /** How many of the pods that should work are so. */
  count(is: (pod: Pod) => boolean): number {
    return this.#pods.reduce((count, pod) => count + (is(pod) ? 1 : 0), 0);
  }

  podSeconds(nowMs: number): number {
    this.#count(nowMs, 0);
    return this.#podMs / 1_000;
  }

  /** Whether more than `podSeconds` were used until now. */
  hasUsed(podSeconds: number, nowMs: number): boolean {
    const sinceMs = Math.max(0, Math.min(nowMs, this.#countedUntilMs) - this.#countedMs);
    return this.#podMs + this.#existing * sinceMs > podSeconds * 1_000;
  }

  /** A pod that is asked for, not yet on a node. */
  create(bad: boolean): Pod {
    const { slots } = this;
    const pod: Pod = { fleet: this, slots, state: 'pending', running: [], bad, loopsFromMs: Infinity };
    this.#pods.push(pod);
    return pod;
  }

  /** The pod has a node, and begins to start and to cost. */
  placed(pod: Pod, nowMs: number): void {
    pod.state = 'starting';
    this.#count(nowMs, 1);
  }

  /** @returns the pods that were let go, in the order in which they go: those that run jobs drain, the rest is gone. */
  shrink(to: number, victims: 'least-work' | 'newest', nowMs: number): Pod[] {
    const newestFirst = this.#pods.toReversed();
    const going = newestFirst
      .toSorted((a, b) => rank(a, victims, nowMs) - rank(b, victims, nowMs))
      .slice(0, this.replicas - to);
    this.#letGo(going, nowMs);
    return going;
  }

  /** The pod is told to end by somebody else: it counts no more, and its controller will replace it. */
  evict(pod: Pod, nowMs: number): void {
    this.#letGo([pod], nowMs);
  }

  /** @returns whether the pod takes jobs now; not when it was asked to stop while it started. */
  started(pod: Pod, nowMs: number): boolean {
    if (pod.state !== 'starting') return false;
    pod.state = 'ready';
    for (let slot = 0; slot < Math.min(this.slots, Number.MAX_SAFE_INTEGER); slot++) {
      this.#free.push(pod);
      if (this.slots === Infinity) break;
    }
    this.#setReady(this.#ready + 1, nowMs);
    return true;
  }

  /** A job of the pod has ended, and its slot is free. */
  freeSlot({ pod, at }: Running, nowMs: number): void {
    const last = pod.running.pop()!;
    if (last.at !== at) {
      pod.running[at] = last;
      last.at = at;
    }
    if (pod.state === 'ready' && pod.slots !== Infinity) this.#free.push(pod);
    else if (pod.state === 'draining' && pod.running.length === 0) this.#gone(pod, nowMs);
  }

  /** The pod ends now. @returns the jobs that it ran, the first started first. */
  kill(pod: Pod, nowMs: number): Running[] {
    const cut = pod.running.splice(0).toSorted((a, b) => a.startedMs - b.startedMs);
    for (const running of cut) running.interrupted = true;
    this.#gone(pod, nowMs);
    return cut;
  }

  #letGo(going: readonly Pod[], nowMs: number): void {
    const left = new Set(going);
    this.#pods = this.#pods.filter((pod) => !left.has(pod));
    for (const pod of going) {
      if (pod.state === 'ready') this.#setReady(this.#ready - 1, nowMs);
      if (pod.running.length > 0) pod.state = 'draining';
      else this.#gone(pod, nowMs);
    }
  }

  #gone(pod: Pod, nowMs: number): void {
    if (pod.state !== 'pending') this.#count(nowMs, -1);
    pod.state = 'gone';
  }

  #setReady(ready: number, atMs: number): void {
    this.#ready = ready;
    if (this.supply.at(-1)!.atMs === atMs) this.supply.pop();
    this.supply.push({ atMs, pods: ready });
  }

  #count(nowMs: number, change: number): void {
    const until = Math.min(nowMs, this.#countedUntilMs);
    this.#podMs += this.#existing * Math.max(0, until - this.#countedMs);
    this.#countedMs = Math.max(this.#countedMs, until);
    this.#existing += change;
  }
}

/** As the ReplicaSet controller takes them: without a node, not ready, then by what the scaler says. */
function rank({ state, running }: Pod, victims: 'least-work' | 'newest', nowMs: number): number {
  if (state === 'pending') return -2;
  if (state === 'starting') return -1;
  if (victims === 'newest') return 0;
  return running.reduce((work, { startedMs }) => work + 1 + Math.round((nowMs - startedMs) / 1_000), 0);
}
