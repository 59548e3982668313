/** One pod. Its slots are its concurrency. */
export interface Pod {
  state: 'starting' | 'ready' | 'draining' | 'gone';
  busy: number;
}

/** A change of a count at a time. */
export interface Level {
  readonly atMs: number;
  readonly pods: number;
}

/**
 * The pods of a pool: they start, take jobs, drain (running jobs finish, nothing new is taken) and go. A pod costs from
 * the moment it is asked for until it is gone.
 */
export class Fleet {
  readonly slots: number;
  readonly supply: Level[] = [{ atMs: 0, pods: 0 }];
  readonly #countedUntilMs: number;
  /** Pods that were not asked to stop, oldest first. */
  #pods: Pod[] = [];
  /**
   * Free slots in the order they became free, as Redis serves blocked clients; those of pods that drain are skipped.
   */
  #free: Pod[] = [];
  #firstFree = 0;
  #existing = 0;
  #ready = 0;
  #podMs = 0;
  #countedMs = 0;

  /** @param countedUntilMs pod-seconds after it are not counted. */
  constructor(slots: number, countedUntilMs: number) {
    this.slots = slots;
    this.#countedUntilMs = countedUntilMs;
  }

  get replicas(): number {
    return this.#pods.length;
  }

  get readyPods(): number {
    return this.#ready;
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

  /** @returns the pods that start now; the caller reports when they are ready. */
  grow(to: number, nowMs: number): Pod[] {
    const started = Array.from({ length: to - this.replicas }, (): Pod => ({ state: 'starting', busy: 0 }));
    this.#pods.push(...started);
    this.#count(nowMs, started.length);
    return started;
  }

  shrink(to: number, victims: 'fewest-jobs' | 'newest', nowMs: number): void {
    const newestFirst = this.#pods.toReversed();
    const last = (pod: Pod): number => (pod.state === 'starting' ? -1 : victims === 'newest' ? 0 : pod.busy);
    const going = new Set(newestFirst.toSorted((a, b) => last(a) - last(b)).slice(0, this.replicas - to));
    this.#pods = this.#pods.filter((pod) => !going.has(pod));
    let gone = 0;
    for (const pod of going) {
      if (pod.state === 'ready') this.#setReady(this.#ready - 1, nowMs);
      pod.state = pod.busy > 0 ? 'draining' : 'gone';
      if (pod.busy === 0) gone++;
    }
    this.#count(nowMs, -gone);
  }

  /** @returns whether the pod takes jobs now; not when it was asked to stop while it started. */
  started(pod: Pod, nowMs: number): boolean {
    if (pod.state !== 'starting') return false;
    pod.state = 'ready';
    for (let slot = 0; slot < this.slots; slot++) this.#free.push(pod);
    this.#setReady(this.#ready + 1, nowMs);
    return true;
  }

  /** A pod with a free slot, that slot taken; undefined when none is free. */
  takeSlot(): Pod | undefined {
    for (;;) {
      if (this.#firstFree > 4_096) {
        this.#free = this.#free.slice(this.#firstFree);
        this.#firstFree = 0;
      }
      const pod = this.#free[this.#firstFree];
      if (pod === undefined) return undefined;
      this.#firstFree++;
      if (pod.state !== 'ready') continue;
      pod.busy++;
      return pod;
    }
  }

  freeSlot(pod: Pod, nowMs: number): void {
    pod.busy--;
    if (pod.state === 'ready') this.#free.push(pod);
    else if (pod.busy === 0) {
      pod.state = 'gone';
      this.#count(nowMs, -1);
    }
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
