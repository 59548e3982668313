import type { Job } from 'bullmq';

/** Of how many jobs per second of a queue Redis is asked at most. */
const MOST_PER_S = 50;
/** Of how many names of jobs the last answer is kept. */
const MOST_NAMES = 1_000;

/**
 * Knows whether jobs had children, which the jobs themselves do not tell. Redis is asked, but of no more than so many jobs
 * per second: in a backlog of short jobs a question for each would cost a pod and its Redis a fifth of their throughput.
 * Of the others is said what was true of the last job of that name, or of the last one of all: a flow's parents have
 * names of their own as a rule.
 */
export class Parents {
  readonly #ask: (job: Job) => Promise<boolean>;
  /** Monotonic ms. */
  readonly #now: () => number;
  /** By name, the one that was asked of last at the end. */
  readonly #known = new Map<string, boolean>();
  #last: boolean | undefined;
  #secondMs = -Infinity;
  #asked = 0;

  constructor(ask: (job: Job) => Promise<boolean>, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  /** @throws Error when Redis does not answer. */
  async had(job: Job): Promise<boolean> {
    const known = this.#known.get(job.name) ?? this.#last;
    if (known !== undefined && !this.#mayAsk()) return known;
    const had = await this.#ask(job);
    this.#note(job, had);
    return had;
  }

  #mayAsk(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#secondMs >= 1_000) {
      this.#secondMs = nowMs;
      this.#asked = 0;
    }
    return ++this.#asked <= MOST_PER_S;
  }

  #note({ name }: Job, had: boolean): void {
    this.#last = had;
    this.#known.delete(name);
    this.#known.set(name, had);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_NAMES) this.#known.delete(oldest!);
  }
}
