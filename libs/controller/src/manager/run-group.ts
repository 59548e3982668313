/** Tasks that run together: when one fails, all are asked to stop. */
export class RunGroup {
  readonly #stopping: AbortController;
  readonly #running = new Map<Promise<void>, string>();
  #failure: Error | undefined;

  constructor(stopping: AbortController) {
    this.#stopping = stopping;
  }

  /** What failed first, if anything did. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  start(name: string, run: () => Promise<void>): void {
    const task: Promise<void> = this.#guard(name, run()).finally(() => this.#running.delete(task));
    this.#running.set(task, name);
  }

  /** Like `start`, for what outlives the tasks: `ended` does not wait for it. */
  watch(name: string, running: Promise<void>): void {
    void this.#guard(name, running);
  }

  /** Resolves when a stop is asked for, from outside or by a failure. */
  async stopRequested(): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  /** Resolves when all tasks have ended, with none, or after `timeoutMs` with the names of those that have not. */
  async ended(timeoutMs: number): Promise<string[]> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const expired = new Promise<void>((resolve) => {
      timeout.addEventListener('abort', () => resolve(), { once: true });
    });
    while (this.#running.size > 0 && !timeout.aborted && !isLost(this.#failure)) {
      await Promise.race([expired, Promise.all(this.#running.keys())]);
    }
    return [...this.#running.values()];
  }

  async #guard(name: string, running: Promise<void>): Promise<void> {
    try {
      await running;
    } catch (error) {
      // What a task was waiting for when it was asked to stop rejects with the signal's reason: that is how it stops.
      if (this.#stopping.signal.aborted && error === this.#stopping.signal.reason) return;
      this.#failure ??= error instanceof Error ? error : new Error(`${name} failed: ${String(error)}`);
      this.#stopping.abort();
    }
  }
}

function isLost(failure: Error | undefined): boolean {
  return failure?.name === 'LeaseLostError';
}
