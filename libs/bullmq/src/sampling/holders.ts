import type { Redis } from 'ioredis';
import { groupByHashTag, queueKey, type QueueRef } from '../redis/keys.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';

/** Who runs the active jobs of some queues. */
export interface ActiveHolders {
  /** Active jobs by worker name; libs/worker names a worker after its pod. Workers that hold none are absent. */
  readonly jobsByWorker: ReadonlyMap<string, number>;
  /** For how long these have run in all, ms, by the same names: what is lost if they have to begin anew. */
  readonly runMsByWorker: ReadonlyMap<string, number>;
  /** Active jobs whose worker gave no name. */
  readonly unnamed: number;
  /** All active jobs of the queues when the last page was read. */
  readonly active: number;
}

export interface HoldersOptions {
  /** Nothing is read when more jobs than this are active in all. Default 5,000. */
  readonly mostActive?: number;
}

/** Jobs per script call: about 1 ms of Redis' time. */
export const HOLDERS_PER_CALL = 500;
const MOST_ACTIVE = 5_000;

type Page = [active: number, counts: (string | number)[], unnamed: number, nextList: number, nextJob: number];

/**
 * Counts the active jobs of queues, all of one Redis, by the worker that holds them (`pb` of the job), and sums for how
 * long they have run (since `processedOn`), in read-only script calls of ≤ 500 jobs. Exact for up to 500 active jobs;
 * beyond, jobs that end between two calls shift the pages, so that a few may be missed.
 *
 * @returns undefined when more jobs are active than `mostActive`: unknown, which is not the same as idle.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function sampleHolders(
  redis: Redis,
  queues: readonly QueueRef[],
  { mostActive = MOST_ACTIVE }: HoldersOptions = {},
): Promise<ActiveHolders | undefined> {
  const [jobsByWorker, runMsByWorker] = [new Map<string, number>(), new Map<string, number>()];
  let [active, unnamed] = [0, 0];
  for (const group of groupByHashTag(queues)) {
    const keys = group.map((index) => queueKey(queues[index]!, 'active'));
    const most = mostActive - active;
    let [list, job, seen] = [1, 0, 0];
    // So many active jobs fill no more pages; a server that says so is none.
    for (let left = Math.ceil(mostActive / HOLDERS_PER_CALL) + 1; list > 0; left--) {
      if (left === 0) throw new UnexpectedReplyError('there is always another page');
      const page = await runReadScript(redis, 'sampleHolders', keys, [most, HOLDERS_PER_CALL, list, job]);
      let counts: Page[1], nameless: number;
      [seen, counts, nameless, list, job] = parsePage(page);
      if (seen > most) return undefined;
      unnamed += nameless;
      for (let at = 0; at < counts.length; at += 3) {
        const worker = String(counts[at]);
        if (worker === '') {
          unnamed += Number(counts[at + 1]);
          continue;
        }
        addTo(jobsByWorker, worker, Number(counts[at + 1]));
        addTo(runMsByWorker, worker, Number(counts[at + 2]));
      }
    }
    active += seen;
  }
  return { jobsByWorker, runMsByWorker, unnamed, active };
}

function addTo(sums: Map<string, number>, worker: string, amount: number): void {
  sums.set(worker, (sums.get(worker) ?? 0) + amount);
}

function parsePage(page: unknown): Page {
  const [seen, counts, ...numbers] = Array.isArray(page) ? (page as unknown[]) : [];
  if (!Array.isArray(counts) || ![seen, ...numbers].every(Number.isSafeInteger) || numbers.length !== 3)
    throw new UnexpectedReplyError('it is no page of active jobs');
  if (counts.length % 3 !== 0 || !counts.every((each, at) => at % 3 === 0 || Number.isSafeInteger(each)))
    throw new UnexpectedReplyError('what a worker holds is not two numbers');
  return page as Page;
}
