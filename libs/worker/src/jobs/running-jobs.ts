import type { JobStopped } from './handler.ts';

/** How the pod's drain reaches a job. */
export interface DrainSignals {
  /** Asks the handler to stop. */
  stop: AbortSignal;
  /** Hands the job back, whether its handler listens or not. */
  handBack: AbortSignal;
}

interface Run {
  startedMs: number;
  stop: AbortController;
  handBack: AbortController;
}

/**
 * The jobs that run in a pod. They are asked to stop, and handed back, from the last one started to the first: each
 * goes to the very front of its queue, so they stand there in the order in which they had started.
 */
export class RunningJobs {
  readonly #runs = new Set<Run>();
  #stopped: JobStopped | undefined;
  #handedBack: JobStopped | undefined;

  /** A job starts; call `end` when its run is over. `nowMs` is monotonic. */
  start(nowMs: number): DrainSignals & { end: () => void } {
    const run: Run = { startedMs: nowMs, stop: new AbortController(), handBack: new AbortController() };
    this.#runs.add(run);
    // fetched while the pod began to drain
    if (this.#stopped) run.stop.abort(this.#stopped);
    if (this.#handedBack) run.handBack.abort(this.#handedBack);
    return { stop: run.stop.signal, handBack: run.handBack.signal, end: () => void this.#runs.delete(run) };
  }

  /** When the job that has run longest started; undefined when none runs. */
  get oldestMs(): number | undefined {
    const [oldest] = this.#runs;
    return oldest?.startedMs;
  }

  stop(why: JobStopped): void {
    this.#stopped ??= why;
    for (const { stop } of this.#lastFirst()) stop.abort(why);
  }

  handBack(why: JobStopped): void {
    this.#handedBack ??= why;
    for (const { handBack } of this.#lastFirst()) handBack.abort(why);
  }

  #lastFirst(): Run[] {
    return [...this.#runs].toReversed();
  }
}
