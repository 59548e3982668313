import type { ObjectMemory } from '@redis-queue/controller';
import type { UpkeepAction } from './duty.ts';

/** Of one queue and action, an event is recorded at most this often; between, the jobs are counted. */
const EVENT_EVERY_MS = 5 * 60_000;

interface Tally {
  saidMs: number;
  count: number;
}

/** Counts what is done to the jobs of each queue from event to event, so that a queue that is busy floods nobody. */
export class UpkeepTallies implements ObjectMemory {
  readonly #tallies = new Map<string, Map<UpkeepAction, Tally>>();
  readonly #nowMs: () => number;

  /** @param nowMs monotonic, in ms. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Adds to what was done, 0 included: what was counted before may be due.
   *
   * @returns how many jobs an event has to name now; 0: none is due.
   */
  add(uid: string, action: UpkeepAction, jobs: number): number {
    const actions = this.#tallies.get(uid) ?? new Map<UpkeepAction, Tally>();
    const tally = actions.get(action) ?? { saidMs: -Infinity, count: 0 };
    tally.count += jobs;
    if (tally.count === 0) return 0;
    this.#tallies.set(uid, actions.set(action, tally));
    if (this.#nowMs() - tally.saidMs < EVENT_EVERY_MS) return 0;
    const { count } = tally;
    actions.set(action, { saidMs: this.#nowMs(), count: 0 });
    return count;
  }

  forget(uid: string): void {
    this.#tallies.delete(uid);
  }

  /** Forgets the queues that are not listed. */
  forgetAllBut(uids: ReadonlySet<string>): void {
    for (const uid of this.#tallies.keys()) if (!uids.has(uid)) this.#tallies.delete(uid);
  }
}
