/** Time as a parameter. `now` is in milliseconds; it need not be wall time but never runs backwards. */
export interface Clock {
  now(): number;
  /** Calls `run` once, `delayMs` from now. Never keeps the process alive by itself. */
  after(delayMs: number, run: () => void): { cancel(): void };
}

/** Monotonic since the process started: immune to corrections of the wall clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Resolves after `delayMs`, or at once when `signal` aborts; callers check the signal. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(delayMs, end);
    signal?.addEventListener('abort', end);
  });
}
