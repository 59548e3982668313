/** What one queue has of the pod's slots. */
interface Share {
  readonly weight: number;
  /** Slots that it holds. */
  held: number;
  /** Slots that it holds or waits for; without any it has no work. */
  claims: number;
  /** The time for which it held slots, over all of them, divided by its weight: its virtual time, in ms. */
  virtualMs: number;
  /** Until when that is counted. */
  countedMs: number;
}

/**
 * Which of the queues that wait gets the next slot. Weighted fair queueing: each queue has a virtual time, which is how
 * long it has held slots, divided by its weight, and the queue whose virtual time is least is served next. So over time
 * each has slots by its weight, however long its jobs take. From start-time fair queueing (P. Goyal, H. M. Vin and
 * H. Cheng, IEEE/ACM Transactions on Networking 5(5), 1997) is that a queue that had no work begins at the virtual time
 * of those that have some: it keeps no claim to slots that it did not need, and they owe it nothing. From WF²Q
 * (J. C. R. Bennett and H. Zhang, INFOCOM 1996) is that a queue that holds its share of the slots already comes after
 * those that do not: jobs cannot be interrupted, so that a queue of long jobs that is owed time would otherwise take
 * all slots for long.
 */
export class SlotShares {
  readonly #weights: ReadonlyMap<string, number>;
  readonly #now: () => number;
  readonly #shares = new Map<string, Share>();

  /** @param weights 1 for a queue that is not named @param now monotonic ms */
  constructor(weights: ReadonlyMap<string, number>, now: () => number) {
    this.#weights = weights;
    this.#now = now;
  }

  /** The queue asks for a slot; `take` or `giveUp` follows. */
  ask(queue: string): void {
    const share = this.#counted(queue);
    if (share.claims === 0) share.virtualMs = Math.max(share.virtualMs, this.#virtualTime());
    share.claims++;
  }

  giveUp(queue: string): void {
    this.#counted(queue).claims--;
  }

  take(queue: string): void {
    this.#counted(queue).held++;
  }

  /** The queue gives back a slot that it took. */
  release(queue: string): void {
    const share = this.#counted(queue);
    share.held--;
    share.claims--;
  }

  /**
   * The queue that a slot goes to; the first of those with equal rights.
   *
   * @param slots how many slots there are to share
   * @param giver a queue that would give the slot, and may be among the candidates to keep it
   */
  next(candidates: readonly string[], slots: number, giver?: string): string {
    for (const queue of candidates) this.#counted(queue);
    const weights = [...this.#shares.values()].reduce(
      (sum, { claims, weight }) => (claims > 0 ? sum + weight : sum),
      0,
    );
    const ofQueue = (queue: string): { below: boolean; virtualMs: number } => {
      const { held, weight, virtualMs } = this.#shares.get(queue)!;
      const others = queue === giver ? held - 1 : held;
      return { below: others < (slots * weight) / weights, virtualMs };
    };
    return candidates.reduce((best, queue) => {
      const [a, b] = [ofQueue(best), ofQueue(queue)];
      if (a.below !== b.below) return a.below ? best : queue;
      return b.virtualMs < a.virtualMs ? queue : best;
    });
  }

  /** Where a queue begins that had no work: with those that have some, or where the last one ended. */
  #virtualTime(): number {
    const all = [...this.#shares.keys()].map((queue) => this.#counted(queue));
    const busy = all.filter(({ claims }) => claims > 0).map(({ virtualMs }) => virtualMs);
    return busy.length > 0 ? Math.min(...busy) : Math.max(...all.map(({ virtualMs }) => virtualMs));
  }

  /** The queue's share with its virtual time until now. */
  #counted(queue: string): Share {
    const nowMs = this.#now();
    const known = this.#shares.get(queue);
    const share = known ?? {
      weight: this.#weights.get(queue) ?? 1,
      held: 0,
      claims: 0,
      virtualMs: 0,
      countedMs: nowMs,
    };
    if (!known) this.#shares.set(queue, share);
    share.virtualMs += (share.held * (nowMs - share.countedMs)) / share.weight;
    share.countedMs = nowMs;
    return share;
  }
}
