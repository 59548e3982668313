/** What the runs of the jobs leave in a Redis apart from that of the queues. */
export const LEDGER = { starts: 'ledger:starts', ends: 'ledger:ends' } as const;

/** A run whose handler reached its end. */
export interface RunEnd {
  readonly pod: string;
  readonly queue: string;
  readonly id: string;
  /** When the job was added. */
  readonly addedMs: number;
  readonly endedMs: number;
}
