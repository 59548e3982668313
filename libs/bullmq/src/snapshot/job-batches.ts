import type { QueueReads } from './queue-reads.ts';

/** What one read of some jobs gave. */
export interface JobBatch {
  /** Ids that have to be asked for again: they did not fit into the reply. */
  readonly rest: readonly string[];
}

/** Jobs that are asked for in one script call: about 2 ms of Redis' time. */
const JOBS_PER_CALL = 100;

/**
 * Reads jobs some at a time, two reads under way where Redis has the time. Batches come in the order of their asking.
 *
 * @param settle what becomes of a batch in its turn; what it leaves as the rest is asked for again.
 */
export async function* readInBatches<Raw, Batch extends JobBatch>(
  reads: QueueReads,
  ids: readonly string[],
  {
    jobsPerCall = JOBS_PER_CALL,
    read,
    settle,
  }: {
    readonly jobsPerCall?: number | undefined;
    readonly read: (ids: readonly string[]) => Promise<Raw>;
    readonly settle: (raw: Raw) => Batch;
  },
): AsyncGenerator<Batch> {
  const size = Math.min(jobsPerCall, JOBS_PER_CALL);
  const waiting: (readonly string[])[] = Array.from({ length: Math.ceil(ids.length / size) }, (_, n) =>
    ids.slice(n * size, (n + 1) * size),
  );
  waiting.reverse();
  const underWay: Promise<Raw>[] = [];
  for (;;) {
    while (underWay.length < reads.together && waiting.length > 0) {
      const reading = read(waiting.pop()!);
      // Nobody waits for it when one before it fails.
      reading.catch(() => {});
      underWay.push(reading);
    }
    const next = underWay.shift();
    if (!next) return;
    // oxlint-disable-next-line no-await-in-loop -- in their order
    const batch = settle(await next);
    if (batch.rest.length > 0) waiting.push(batch.rest);
    yield batch;
  }
}
