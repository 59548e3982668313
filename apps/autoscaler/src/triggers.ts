/** Wakes the loop before its time: for a topology that changed, or a look that cannot wait. */
export class Bell {
  readonly #podsChanged = new Set<string>();
  readonly #redisBack = new Set<string>();
  #rung = false;
  #topologyChanged = true;
  #listener: (() => void) | undefined;

  ring(): void {
    if (this.#listener === undefined) this.#rung = true;
    else this.#listener();
  }

  topologyChanged(): void {
    this.#topologyChanged = true;
    this.ring();
  }

  /** The pool's observed size changed, or what keeps its pods from working. */
  podsChanged(key: string): void {
    this.#podsChanged.add(key);
    this.ring();
  }

  /** A Redis that was lost answers again: its queues are not to wait for their next look. */
  redisIsBack(targetKey: string): void {
    this.#redisBack.add(targetKey);
    this.ring();
  }

  /** The Redis servers told of since the last call. */
  takeRedisBack(): string[] {
    const keys = [...this.#redisBack];
    this.#redisBack.clear();
    return keys;
  }

  /** The pools told of since the last call. */
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

  /** Calls `listener` at the next ring, at once when it has rung since the last call. */
  listen(listener: (() => void) | undefined): void {
    this.#listener = listener;
    if (!this.#rung || listener === undefined) return;
    this.#rung = false;
    listener();
  }
}

/** Resolves when `ms` have passed, the bell rings or `signal` aborts. */
export function untilDue(bell: Bell, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      bell.listen(undefined);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, Math.min(ms, 60_000)));
    if (signal.aborted) return end();
    signal.addEventListener('abort', end);
    bell.listen(end);
  });
}
