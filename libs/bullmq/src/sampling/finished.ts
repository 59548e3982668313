import type { Redis } from 'ioredis';
import { inBatches, queueKey, type QueueRef } from '../redis/keys.ts';
import { delayOf } from './sample.ts';
import { MAX_TIME_MS, parseReply, timedReply, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';
import { orThrow, type Sampled } from '../redis/sampled.ts';
import { splitWhenRefused } from '../connections/split.ts';

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

/** A queue to read, and how far it was read before. */
export interface FinishedQuery {
  readonly queue: QueueRef;
  /** The watermark of the last call; absent: the last minute. */
  readonly watermark?: FinishedWatermark | undefined;
}

/** Most jobs read per queue over both sets. */
export const MAX_SAMPLED_JOBS = 200;
/** Most jobs read per script call: ~2 ms of Redis' time. */
const JOBS_PER_CALL = 500;
/** How far back the first call for a queue reads, as it has no watermark. */
const FIRST_LOOK_MS = 60_000;

/**
 * Reads the newest ≤ `limit` jobs that finished after the watermark and counts them all. When more finished than the
 * limit, the older of them are counted but not read: fresh figures matter more than complete ones.
 *
 * Blind spots: jobs removed when they finish (`removeOnComplete: true`) leave nothing to read; and since finishedOn is
 * the worker's clock, a job of a worker whose clock is behind may fall before the watermark and is then not counted. One
 * whose clock is more than a minute ahead counts when its time has come.
 *
 * @param watermark that of the last call; absent: the last minute.
 */
export async function sampleFinished(
  redis: Redis,
  queue: QueueRef,
  watermark?: FinishedWatermark,
  limit: number = MAX_SAMPLED_JOBS,
): Promise<FinishedSample> {
  return (await sampleFinishedOf(redis, [{ queue, watermark }], limit))[0]!;
}

/**
 * As `sampleFinished` for many queues of one Redis, ≤ 50 per script call. One call reads at most 500 jobs in all, so
 * that nobody waits long behind it: where many jobs finish in many queues, it reads fewer of each.
 *
 * @returns one sample per query, in their order.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function sampleFinishedOf(
  redis: Redis,
  queries: readonly FinishedQuery[],
  limit: number = MAX_SAMPLED_JOBS,
): Promise<FinishedSample[]> {
  return (await trySampleFinishedOf(redis, queries, limit)).map(orThrow);
}

/** As `sampleFinishedOf`; a queue that cannot be read costs nobody else theirs: its place has the error. */
export async function trySampleFinishedOf(
  redis: Redis,
  queries: readonly FinishedQuery[],
  limit: number = MAX_SAMPLED_JOBS,
): Promise<Sampled<FinishedSample>[]> {
  const perSet = Math.max(1, Math.floor(Math.min(limit, MAX_SAMPLED_JOBS) / 2));
  const samples = Array.from<Sampled<FinishedSample>>({ length: queries.length });
  const queues = queries.map(({ queue }) => queue);
  const sampleBatch = async (batch: readonly number[]): Promise<void> => {
    const keys = batch.map((index) => queueKey(queues[index]!, 'completed'));
    const marks = batch.flatMap((index) => {
      const { completed, failed } = queries[index]!.watermark ?? {};
      return [...markArguments(completed), ...markArguments(failed)];
    });
    const args = [perSet, JOBS_PER_CALL, FIRST_LOOK_MS, ...marks];
    const reply = await runReadScript(redis, 'sampleFinished', keys, args);
    const { redisTimeMs, rows } = timedReply(reply);
    const sets = rows as readonly (RawSet | string)[];
    batch.forEach((index, row) => {
      const [completed, failed] = [sets[2 * row]!, sets[2 * row + 1]!];
      samples[index] =
        typeof completed === 'string' || typeof failed === 'string'
          ? new Error([completed, failed].find((set) => typeof set === 'string') as string)
          : parseReply(() => parseFinished(redisTimeMs, completed, failed));
    });
  };
  await inBatches(queues, async (batch) => {
    await splitWhenRefused(batch, sampleBatch, (index, error) => (samples[index] = error));
  });
  return samples;
}

function markArguments(mark: SetWatermark | undefined): (string | number)[] {
  return mark === undefined ? ['', 0] : [mark.ms, mark.ids.length, ...mark.ids];
}

function parseFinished(redisTimeMs: number, completed: RawSet, failed: RawSet): FinishedSample {
  const jobs = [...completed[3], ...failed[3]];
  return {
    redisTimeMs,
    completed: completed[0],
    failed: failed[0],
    waitsMs: jobs.flatMap(waitOf),
    serviceMs: jobs.flatMap(serviceTimeOf),
    watermark: { completed: watermarkOf(completed), failed: watermarkOf(failed) },
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
  const newest = Number(ms);
  if (Number.isNaN(newest) || !Array.isArray(ids)) throw new UnexpectedReplyError('the newest finished job');
  return { ms: newest, ids };
}

/** Only first attempts: for a retry it is not recorded when it became ready. */
function waitOf([timestamp, processedOn, , attemptsStarted, opts]: RawJob): number[] {
  if (timestamp === null || processedOn === null || Number(attemptsStarted ?? 1) !== 1) return [];
  return durationOf(Number(processedOn) - Number(timestamp) - delayOf(opts));
}

function serviceTimeOf([, processedOn, finishedOn]: RawJob): number[] {
  return processedOn === null || finishedOn === null ? [] : durationOf(Number(finishedOn) - Number(processedOn));
}

/** None where a job's times are none, which whoever may write to the queue can make them. */
function durationOf(ms: number): number[] {
  return Math.abs(ms) <= MAX_TIME_MS ? [Math.max(0, ms)] : [];
}
