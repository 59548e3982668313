import type { Redis } from 'ioredis';
import { groupByHashTag, queueId, queueKey, type QueueRef } from './keys.ts';
import { OWNER_FIELD } from './owner-mark.ts';
import { parsePolicyFields } from './policy.ts';
import type { RateLimitWindow } from './rate-limit.ts';
import { runReadScript } from './scripts.ts';

/** One look at one queue. Absent means no data, never 0. Times are Unix milliseconds. */
export interface QueueSample {
  readonly ref: QueueRef;
  /** Redis' own clock when the sample was taken. */
  readonly redisTimeMs: number;
  /** The queue has a `meta`, a job or an add counter. */
  readonly exists: boolean;
  readonly waiting: number;
  readonly prioritized: number;
  readonly active: number;
  /** Every delayed job, the overdue ones included. */
  readonly delayed: number;
  /** Delayed jobs that are due; BullMQ promotes them only when a worker fetches. */
  readonly overdue: number;
  /** Delayed jobs due after now and within the horizon that was asked for. */
  readonly dueSoon: number;
  readonly completed: number;
  readonly failed: number;
  readonly waitingChildren: number;
  /** Jobs in the list a v5 client left behind when it paused the queue. */
  readonly legacyPaused: number;
  readonly paused: boolean;
  readonly rateLimit?: RateLimitWindow;
  readonly globalConcurrency?: number;
  /** The running window's allowance is spent; no job starts for this long. */
  readonly rateLimitedForMs?: number;
  /** Jobs ever added, duplicates included: its growth bounds the arrival rate from above. */
  readonly addCounter?: number;
  /**
   * When the job next in line became ready (its timestamp plus its delay; of wait and prioritized the older). Absent:
   * nothing is in line, or the first few in line have run before, and when a retry became ready is not recorded.
   */
  readonly headTimestampMs?: number;
  /** When the next delayed job is due; in the past when it is overdue. */
  readonly nextDelayedDueMs?: number;
  /** Totals since BullMQ began to count; only when asked for, and when workers run with `metrics`. */
  readonly completedTotal?: number;
  readonly failedTotal?: number;
}

export interface SampleOptions {
  /** How far ahead of Redis' clock a delayed job counts as due soon. Default 60 s. */
  readonly dueSoonMs?: number;
  /** Also read `completedTotal` and `failedTotal`. */
  readonly totals?: boolean;
}

/** Queues a script call: 1 to 3 ms of Redis' time, so that nobody waits long behind it. */
export const QUEUES_PER_CALL = 50;
const DEFAULT_DUE_SOON_MS = 60_000;

/**
 * Samples queues, all of one Redis, in read-only script calls of ≤ 50 queues; every read is O(1) or O(log n).
 * A prefix with a hash tag (`{…}`) gets a call of its own, as Redis Cluster demands.
 *
 * @returns one sample a queue, in the order asked for.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function sampleQueues(
  redis: Redis,
  queues: readonly QueueRef[],
  options: SampleOptions = {},
): Promise<QueueSample[]> {
  const horizon = options.dueSoonMs ?? DEFAULT_DUE_SOON_MS;
  const samples = new Map<string, QueueSample>();
  for (const batch of batches(queues)) {
    const reply = (await runReadScript(
      redis,
      'sampleQueues',
      batch.map((queue) => queueKey(queue, 'meta')),
      [OWNER_FIELD, horizon, options.totals ? 1 : 0],
    )) as [string, RawSample[]];
    const redisTimeMs = Number(reply[0]);
    batch.forEach((ref, index) => samples.set(queueId(ref), parseSample(ref, redisTimeMs, reply[1][index]!)));
  }
  return queues.map((queue) => samples.get(queueId(queue))!);
}

/** Jobs a worker could start now if nothing held it back: waiting, prioritized, overdue, and the legacy paused list. */
export function readyJobs(sample: QueueSample): number {
  return sample.waiting + sample.prioritized + sample.overdue + sample.legacyPaused;
}

/** How long the job next in line has been ready, in milliseconds; undefined when that is not known. */
export function headAgeMs(sample: QueueSample): number | undefined {
  return sample.headTimestampMs === undefined ? undefined : Math.max(0, sample.redisTimeMs - sample.headTimestampMs);
}

/** Integers by position, then texts; the order is the script's. */
type RawSample = [numbers: number[], policy: Text[], texts: Text[], heads: Text[][], totals: Text[]];
type Text = string | null;

function parseSample(ref: QueueRef, redisTimeMs: number, raw: RawSample): QueueSample {
  const [numbers, policyFields, [addCounter, limiter, nextDelayed], heads, [completedTotal, failedTotal]] = raw;
  const [
    waiting,
    prioritized,
    active,
    delayed,
    overdue,
    dueSoon,
    completed,
    failed,
    waitingChildren,
    legacyPaused,
    ttl,
    metaExists,
  ] = numbers as [number, number, number, number, number, number, number, number, number, number, number, number];
  const { paused, rateLimit, globalConcurrency } = parsePolicyFields(policyFields);
  const spent = rateLimit !== undefined && Number(limiter ?? 0) >= rateLimit.max && ttl > 0;
  const head = headReadyMs(heads);
  const jobs = waiting + prioritized + active + delayed + completed + failed + waitingChildren + legacyPaused;
  return {
    ref,
    redisTimeMs,
    exists: metaExists === 1 || jobs > 0 || addCounter !== null,
    waiting,
    prioritized,
    active,
    delayed,
    overdue,
    dueSoon,
    completed,
    failed,
    waitingChildren,
    legacyPaused,
    paused,
    ...(rateLimit && { rateLimit }),
    ...(globalConcurrency !== undefined && { globalConcurrency }),
    ...(spent && { rateLimitedForMs: ttl }),
    ...optionalNumber('addCounter', addCounter),
    ...(head !== undefined && { headTimestampMs: head }),
    ...(nextDelayed && { nextDelayedDueMs: Math.floor(Number(nextDelayed) / DELAYED_SCORE_PER_MS) }),
    ...optionalNumber('completedTotal', completedTotal),
    ...optionalNumber('failedTotal', failedTotal),
  };
}

/** BullMQ scores delayed jobs with their due time in ms · 4096 plus a tie-breaker. */
const DELAYED_SCORE_PER_MS = 4096;

/** The earliest time at which a job at the head became ready, of jobs that never ran: [timestamp, ats, opts] each. */
function headReadyMs(heads: readonly (readonly (string | null)[])[]): number | undefined {
  const ready = heads.flatMap(([timestamp, attemptsStarted, opts]) =>
    timestamp && Number(attemptsStarted ?? 0) === 0 ? [Number(timestamp) + delayOf(opts)] : [],
  );
  return ready.length === 0 ? undefined : Math.min(...ready);
}

/** The delay a job was added with, in ms, from its stored options; 0 when it has none. */
export function delayOf(opts: string | null | undefined): number {
  if (!opts?.includes('"delay"')) return 0;
  try {
    const { delay } = JSON.parse(opts) as { delay?: unknown };
    return typeof delay === 'number' && delay > 0 ? delay : 0;
  } catch {
    return 0;
  }
}

function optionalNumber<K extends string>(key: K, text: string | null | undefined): Partial<Record<K, number>> {
  const value = Number(text ?? Number.NaN);
  return Number.isFinite(value) ? ({ [key]: value } as Record<K, number>) : {};
}

/** Batches of at most 50; each hash-tagged prefix apart, because its keys may lie on another node. */
function batches(queues: readonly QueueRef[]): QueueRef[][] {
  return groupByHashTag(queues).flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / QUEUES_PER_CALL) }, (_, index) =>
      group.slice(index * QUEUES_PER_CALL, (index + 1) * QUEUES_PER_CALL),
    ),
  );
}
