import type { Redis } from 'ioredis';
import { groupByHashTag, queueKey, type QueueRef } from './keys.ts';
import { runReadScript } from './scripts.ts';

/** Who runs the active jobs of some queues. */
export interface ActiveHolders {
  /** Active jobs by worker name; libs/worker names a worker after its pod. Workers that hold none are absent. */
  readonly jobsByWorker: ReadonlyMap<string, number>;
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
 * Counts the active jobs of queues, all of one Redis, by the worker that holds them (`pb` of the job), in read-only
 * script calls of ≤ 500 jobs. Exact for up to 500 active jobs; beyond, jobs that end between two calls shift the pages,
 * so that a few may be missed.
 *
 * @returns undefined when more jobs are active than `mostActive`: unknown, which is not the same as idle.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function sampleHolders(
  redis: Redis,
  queues: readonly QueueRef[],
  { mostActive = MOST_ACTIVE }: HoldersOptions = {},
): Promise<ActiveHolders | undefined> {
  const jobsByWorker = new Map<string, number>();
  let [active, unnamed] = [0, 0];
  for (const group of groupByHashTag(queues)) {
    const keys = group.map((index) => queueKey(queues[index]!, 'active'));
    const most = mostActive - active;
    let [list, job, seen] = [1, 0, 0];
    while (list > 0) {
      const page = await runReadScript(redis, 'sampleHolders', keys, [most, HOLDERS_PER_CALL, list, job]);
      let counts: Page[1], nameless: number;
      [seen, counts, nameless, list, job] = page as Page;
      if (seen > most) return undefined;
      unnamed += nameless;
      for (let at = 0; at < counts.length; at += 2) {
        const worker = String(counts[at]);
        jobsByWorker.set(worker, (jobsByWorker.get(worker) ?? 0) + Number(counts[at + 1]));
      }
    }
    active += seen;
  }
  return { jobsByWorker, unnamed, active };
}
