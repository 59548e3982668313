import { FairBand } from './fair-band.ts';
import { Shares } from './shares.ts';

export interface PoolTask<T> {
  /** Tenant and server whose shares it counts for, as far as it has them; servers of one name are one server, whichever tenants they are of. */
  readonly path: readonly [] | readonly [share: string] | readonly [share: string, server: string];
  /** What is known to take long goes last: after all else that waits and is admitted. */
  readonly last: boolean;
  readonly run: () => Promise<T>;
}

interface Waiting {
  readonly task: object;
  readonly path: readonly string[];
  readonly band: FairBand<Waiting>;
  /** @param turn false: it was given up. */
  settle(turn: boolean): void;
}

/**
 * Runs tasks, so many at once, in the turns and with the shares of the work queue: tenants in turns, then their servers,
 * none with more under way than its part of what is free. For work that is no reconcile.
 */
export class FairPool {
  readonly #capacity: number;
  readonly #shares: Shares;
  readonly #first = new FairBand<Waiting>();
  readonly #last = new FairBand<Waiting>();
  readonly #waiting = new Map<object, Waiting>();
  #underWay = 0;

  /** @param capacity most tasks that run at once */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#shares = new Shares(capacity);
  }

  /** @returns what the task gives, in an object; undefined when it was given up before its turn. @throws what it throws */
  run<T>(task: PoolTask<T>): Promise<{ readonly result: T } | undefined> {
    const ran = this.#runInTurn(task);
    this.#begin();
    return ran;
  }

  /**
   * Runs tasks, of which none begins before all of them wait: their turns, and not their order, say which is first.
   *
   * @returns for each what `run` returns
   */
  runAll<T>(tasks: readonly PoolTask<T>[]): Promise<{ readonly result: T } | undefined>[] {
    const ran = tasks.map((task) => this.#runInTurn(task));
    this.#begin();
    return ran;
  }

  async #runInTurn<T>(task: PoolTask<T>): Promise<{ readonly result: T } | undefined> {
    const { path, last, run } = task;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const band = last ? this.#last : this.#first;
    const waiting = { task, path, band, settle: resolve };
    band.push(waiting, path);
    this.#waiting.set(task, waiting);
    if (!(await promise)) return undefined;
    try {
      return { result: await run() };
    } finally {
      this.#underWay--;
      this.#shares.end(path);
      this.#begin();
    }
  }

  /** Gives up what has not begun. @param tasks of these, each as it was given; default: all */
  giveUpWaiting(tasks: Iterable<object> = [...this.#waiting.keys()]): void {
    for (const task of tasks) {
      const waiting = this.#waiting.get(task);
      if (waiting) this.#settle(waiting, false);
    }
  }

  #settle(waiting: Waiting, turn: boolean): void {
    waiting.band.remove(waiting, waiting.path);
    this.#waiting.delete(waiting.task);
    waiting.settle(turn);
  }

  #begin(): void {
    while (this.#underWay < this.#capacity) {
      const next = this.#next();
      if (!next) return;
      this.#underWay++;
      this.#shares.begin(next.path);
      this.#settle(next, true);
    }
  }

  #next(): Waiting | undefined {
    const admits = (share: string, level: number): boolean => this.#shares.admits(share, level);
    return this.#first.peek(admits) ?? this.#last.peek(admits);
  }
}
