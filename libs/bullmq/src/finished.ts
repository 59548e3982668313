import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from './keys.ts';
import { delayOf } from './sample.ts';
import { runReadScript } from './scripts.ts';

/**
 * Up to where finished jobs have been counted. Jobs are ordered by the millisecond in which they finished, and several
 * share one, so the ids that were counted in the last millisecond are part of the mark: a later job of that
 * millisecond is still new, and none of them counts twice.
 */
export interface FinishedWatermark {
  readonly completed: SetWatermark;
  readonly failed: SetWatermark;
}

export interface SetWatermark {
  /** finishedOn of the newest job counted, Unix ms. */
  readonly ms: number;
  /** Jobs counted that finished in just that millisecond. */
  readonly ids: readonly string[];
}

/** What has finished since the watermark. Absent means no data, never 0. */
export interface FinishedSample {
  readonly redisTimeMs: number;
  /** Jobs that finished since the watermark and still exist; exact, also when not all were sampled. */
  readonly completed: number;
  readonly failed: number;
  /** Ready to started, ms, of first attempts: processedOn − timestamp − delay, at least 0. Newest first. */
  readonly waitsMs: readonly number[];
  /** Started to finished, ms, of the last attempt. Newest first. */
  readonly serviceMs: readonly number[];
  readonly watermark: FinishedWatermark;
}

/** Most jobs read a call over both sets: ~1 ms of Redis' time. */
export const MAX_SAMPLED_JOBS = 200;
/** How far back the first call of a queue looks, as it has no watermark. */
const FIRST_LOOK_MS = 60_000;

/**
 * Reads the newest ≤ `limit` jobs that finished after the watermark and counts them all. When more finished than the
 * limit, the older of them are counted but not read: fresh figures matter more than complete ones.
 *
 * Blind spots: jobs removed when they finish (`removeOnComplete: true`) leave nothing to read; and since finishedOn is
 * the worker's clock, a job of a worker whose clock is behind may fall before the watermark and is then not counted.
 *
 * @param watermark the last call's; absent: the last minute.
 */
export async function sampleFinished(
  redis: Redis,
  queue: QueueRef,
  watermark?: FinishedWatermark,
  limit: number = MAX_SAMPLED_JOBS,
): Promise<FinishedSample> {
  const { completed, failed } = watermark ?? { completed: undefined, failed: undefined };
  const perSet = Math.max(1, Math.floor(Math.min(limit, MAX_SAMPLED_JOBS) / 2));
  const reply = (await runReadScript(
    redis,
    'sampleFinished',
    [queueKey(queue, 'completed'), queueKey(queue, 'failed')],
    [
      queueKey(queue, ''),
      perSet,
      FIRST_LOOK_MS,
      completed?.ms ?? '',
      failed?.ms ?? '',
      completed?.ids.length ?? 0,
      ...(completed?.ids ?? []),
      ...(failed?.ids ?? []),
    ],
  )) as [string, RawSet, RawSet];
  const sets = [reply[1], reply[2]] as const;
  const jobs = sets.flatMap(([, , , page]) => page);
  return {
    redisTimeMs: Number(reply[0]),
    completed: sets[0][0],
    failed: sets[1][0],
    waitsMs: jobs.flatMap(waitOf),
    serviceMs: jobs.flatMap(serviceTimeOf),
    watermark: { completed: watermarkOf(sets[0]), failed: watermarkOf(sets[1]) },
  };
}

type RawJob = [
  timestamp: string | null,
  processedOn: string | null,
  finishedOn: string | null,
  attemptsStarted: string | null,
  opts: string | null,
];
type RawSet = [count: number, ms: string, ids: string[], page: RawJob[]];

function watermarkOf([, ms, ids]: RawSet): SetWatermark {
  return { ms: Number(ms), ids };
}

/** Only first attempts: for a retry it is not recorded when it became ready. */
function waitOf([timestamp, processedOn, , attemptsStarted, opts]: RawJob): number[] {
  if (timestamp === null || processedOn === null || Number(attemptsStarted ?? 1) !== 1) return [];
  return [Math.max(0, Number(processedOn) - Number(timestamp) - delayOf(opts))];
}

function serviceTimeOf([, processedOn, finishedOn]: RawJob): number[] {
  return processedOn === null || finishedOn === null ? [] : [Math.max(0, Number(finishedOn) - Number(processedOn))];
}
