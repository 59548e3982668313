/**
 * What wakes the loop before its time: changes in the cluster, a Redis that answers again, or a sample that cannot
 * wait.
 */
export class Triggers {
  readonly #podsChanged = new Set<string>();
  readonly #redisReconnected = new Set<string>();
  #pending = false;
  #topologyChanged = true;
  #listener: (() => void) | undefined;

  /** Wakes the loop; if it is not waiting at the moment, its next wait ends at once. */
  wake(): void {
    if (this.#listener === undefined) this.#pending = true;
    else this.#listener();
  }

  topologyChanged(): void {
    this.#topologyChanged = true;
    this.wake();
  }

  /** The pool's observed size changed, or what keeps its pods from working. */
  podsChanged(poolKey: string): void {
    this.#podsChanged.add(poolKey);
    this.wake();
  }

  /** A Redis that was lost answers again: its queues must not wait for their next sample. */
  redisReconnected(targetKey: string): void {
    this.#redisReconnected.add(targetKey);
    this.wake();
  }

  /** The Redis servers that were reported since the last call. */
  takeRedisReconnected(): string[] {
    const keys = [...this.#redisReconnected];
    this.#redisReconnected.clear();
    return keys;
  }

  /** The pools that were reported since the last call. */
  takePodsChanged(): string[] {
    const keys = [...this.#podsChanged];
    this.#podsChanged.clear();
    return keys;
  }

  /** Whether the topology changed since `takeTopologyChanged` was last called. */
  get hasTopologyChanged(): boolean {
    return this.#topologyChanged;
  }

  /** Whether the topology changed since the last call. */
  takeTopologyChanged(): boolean {
    const changed = this.#topologyChanged;
    this.#topologyChanged = false;
    return changed;
  }

  /** Calls `listener` at the next trigger, or at once if one came since the last call. */
  listen(listener: (() => void) | undefined): void {
    this.#listener = listener;
    if (!this.#pending || listener === undefined) return;
    this.#pending = false;
    listener();
  }
}

/** Resolves when `ms` have passed, a trigger comes or `signal` aborts. Waits at most a minute. */
export function untilDue(triggers: Triggers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      triggers.listen(undefined);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, Math.min(ms, 60_000)));
    if (signal.aborted) return end();
    signal.addEventListener('abort', end);
    triggers.listen(end);
  });
}
