import type { CompilePlan } from './compile-plan.ts';

/** Below this share the rate is that of a few small packages and says little. */
const SHARE_TO_ESTIMATE = 0.03;

/** How far a build is and how long it still takes at the rate so far. */
export class CompileEstimate {
  readonly packages: number;
  readonly #plan: CompilePlan;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #total: number;
  readonly #begun = new Set<string>();
  #cost = 0;

  /** @param now the time in ms. */
  constructor(plan: CompilePlan, now: () => number = () => performance.now()) {
    this.#plan = plan;
    this.#now = now;
    this.#startedAt = now();
    this.packages = plan.size;
    this.#total = [...plan.values()].reduce((sum, cost) => sum + cost, 0);
  }

  /** Takes a line that Go prints: whether it says that a package of the plan begins to be compiled. */
  began(line: string): boolean {
    const cost = this.#plan.get(line);
    if (cost === undefined) return false;
    if (!this.#begun.has(line)) this.#cost += cost;
    this.#begun.add(line);
    return true;
  }

  /** Time left in ms; undefined while too little has been compiled to say. */
  left(): number | undefined {
    const share = this.#cost / this.#total;
    return share < SHARE_TO_ESTIMATE ? undefined : ((this.#now() - this.#startedAt) / share) * (1 - share);
  }

  toString(): string {
    const left = this.left();
    const percent = Math.floor((100 * this.#cost) / this.#total);
    return `${this.#begun.size} of ${this.packages}, ${percent} %, ${left === undefined ? 'time left not known yet' : timeLeft(left)}`;
  }
}

function timeLeft(ms: number): string {
  const seconds = Math.ceil(ms / 10_000) * 10;
  return seconds < 90 ? `about ${seconds} s left` : `about ${Math.round(seconds / 60)} min left`;
}
