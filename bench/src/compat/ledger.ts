/** What a producer adds, in every language. */
export interface CompatJob {
  /** Unique over all producers and queues. */
  readonly key: string;
  readonly runMs: number;
  /** How many of its first attempts fail. */
  readonly failTimes: number;
}

/**
 * Streams in which the processes note what they do, apart from BullMQ: by Redis' clock, so that what they note can be
 * compared. An entry of `runs` has `worker`, `queue`, `key` and `event`, one of `added` has `queue` and `key`.
 */
export const LEDGER = { runs: 'compat:runs', added: 'compat:added' } as const;
