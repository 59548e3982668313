import type { JobStopped } from './handler.ts';

/** How the pod's drain reaches a job. */
export interface DrainCalls {
  /** Asks the handler to stop. */
  stop: (why: JobStopped) => void;
  /** Hands the job back, whether its handler listens or not. */
  handBack: (why: JobStopped) => void;
}

interface Run extends DrainCalls {
  startedMs: number;
}

/**
 * The jobs that run in a pod. They are asked to stop, and handed back, from the last one started to the first: each
 * goes to the very front of its queue, so they stand there in the order in which they had started.
 */
export class RunningJobs {
  readonly #runs = new Set<Run>();
  #stopped: JobStopped | undefined;
  #handedBack: JobStopped | undefined;

  /**
   * A job starts, at `nowMs` of a monotonic clock; its calls may come at once.
   *
   * @returns what is to be called when its run is over.
   */
  start(nowMs: number, calls: DrainCalls): () => void {
    const run: Run = { startedMs: nowMs, ...calls };
    this.#runs.add(run);
    // fetched while the pod began to drain
    if (this.#stopped) run.stop(this.#stopped);
    if (this.#handedBack) run.handBack(this.#handedBack);
    return () => void this.#runs.delete(run);
  }

  /** When the job that has run longest started; undefined when none runs. */
  get oldestMs(): number | undefined {
    const [oldest] = this.#runs;
    return oldest?.startedMs;
  }

  stop(why: JobStopped): void {
    this.#stopped ??= why;
    for (const { stop } of this.#lastFirst()) stop(why);
  }

  handBack(why: JobStopped): void {
    this.#handedBack ??= why;
    for (const { handBack } of this.#lastFirst()) handBack(why);
  }

  #lastFirst(): Run[] {
    return [...this.#runs].toReversed();
  }
}
