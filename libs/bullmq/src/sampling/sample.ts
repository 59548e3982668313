import type { Redis } from 'ioredis';
import { inBatches, queueKey, type QueueRef } from '../redis/keys.ts';
import { parsePolicyFields } from '../policy/policy.ts';
import type { RateLimitWindow } from '../policy/rate-limit.ts';
import { isCount, MAX_TIME_MS, parseReply, timedReply } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';
import { orThrow, type Sampled } from '../redis/sampled.ts';
import { splitWhenRefused } from '../connections/split.ts';

/** What sizing needs of one queue, in one sample. Absent means no data, never 0. Times are Unix milliseconds. */
export interface BacklogSample {
  readonly ref: QueueRef;
  /** Redis' own clock when the sample was taken. */
  readonly redisTimeMs: number;
  readonly waiting: number;
  readonly prioritized: number;
  readonly active: number;
  /** Every delayed job, the overdue ones included. */
  readonly delayed: number;
  /** Delayed jobs that are due; BullMQ promotes them only when a worker fetches. */
  readonly overdue: number;
  /** Delayed jobs due after now and within the horizon that was asked for. */
  readonly dueSoon: number;
  /**
   * How many of them within a quarter of the horizon, within half and within three quarters; absent: none at all, or few
   * beside the line, four times as many.
   */
  readonly dueByQuarter?: readonly number[];
  /**
   * Runs of job schedulers that are due within the horizon after the next run, which is a delayed job already. Counted
   * for the ten schedulers that are due first; those with a cron pattern count for their next run only.
   */
  readonly scheduledSoon?: number;
  /** Job schedulers of the queue. */
  readonly schedulers?: number;
  /**
   * Those of the oldest active jobs, at most a hundred, whose lock is gone with its worker. Only a running worker
   * brings them back, after its stalled interval.
   */
  readonly orphaned?: number;
  readonly waitingChildren: number;
  /** Jobs in the list a v5 client left behind when it paused the queue. */
  readonly legacyPaused: number;
  readonly paused: boolean;
  readonly rateLimit?: RateLimitWindow;
  readonly globalConcurrency?: number;
  /** The running window's allowance is spent; no job starts for this long. */
  readonly rateLimitedForMs?: number;
  /**
   * Jobs wait, and a window of a rate limit runs for so long: of the queue's, of one in a worker's own options, or of one
   * that a handler asked for. Whether its allowance is spent is known of the queue's limit alone.
   */
  readonly limitWindowMs?: number;
  /** Jobs ever added, duplicates included: its growth bounds the arrival rate from above. */
  readonly addCounter?: number;
  /**
   * When the job next in line became ready (its timestamp plus its delay; of wait and prioritized the older). Absent:
   * nothing is in line, it was not asked for, or the first few in line have run before, and when a retry became ready
   * is not recorded.
   */
  readonly headTimestampMs?: number;
  /**
   * When the next delayed job is due; in the past when it is overdue. In a backlog only while nothing is in line or
   * runs.
   */
  readonly nextDelayedDueMs?: number;
}

/** Everything that one sample reports of one queue. */
export interface QueueSample extends BacklogSample {
  /** The queue has a `meta`, a job or an add counter. */
  readonly exists: boolean;
  readonly completed: number;
  readonly failed: number;
  /** Totals since BullMQ began to count; only when asked for, and when workers run with `metrics`. */
  readonly completedTotal?: number;
  readonly failedTotal?: number;
}

/** Parts of a backlog that need not be read with each sample; without them a sample costs half. */
export interface BacklogFields {
  /** The job next in line, for `headTimestampMs`. */
  readonly heads: boolean;
  /**
   * What most queues never have: pause, limits, jobs that wait for children, job schedulers. A queue that is sampled
   * without them counts as having none, so leave them out for queues that had none a moment ago.
   */
  readonly rare: boolean;
  /** Active jobs whose lock is gone; only read with `rare`. */
  readonly orphans: boolean;
}

export interface BacklogOptions {
  /** How far ahead of Redis' clock a delayed job counts as due soon, of a queue by its index. Default 60 s. */
  readonly dueSoonMs?: (index: number) => number;
  /** What else is read of a queue, by its index. Default: everything. */
  readonly fields?: (index: number) => BacklogFields;
}

export interface SampleOptions {
  /** How far ahead of Redis' clock a delayed job counts as due soon. Default 60 s. */
  readonly dueSoonMs?: number;
  /** Also read `completedTotal` and `failedTotal`. */
  readonly totals?: boolean;
}

const DEFAULT_DUE_SOON_MS = 60_000;
const EVERYTHING: BacklogFields = { heads: true, rare: true, orphans: true };

function digitOf({ heads, rare, orphans }: BacklogFields): number {
  return (heads ? 1 : 0) + (rare ? 2 : 0) + (rare && orphans ? 4 : 0);
}

/**
 * Samples what sizing needs of queues, all of one Redis, in read-only script calls of ≤ 50 queues; every read is O(1)
 * or O(log n). A prefix with a hash tag (`{…}`) gets a call of its own, as Redis Cluster demands.
 *
 * @returns one sample per queue, in the order asked for.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function sampleBacklogs(
  redis: Redis,
  queues: readonly QueueRef[],
  options: BacklogOptions = {},
): Promise<BacklogSample[]> {
  return (await trySampleBacklogs(redis, queues, options)).map(orThrow);
}

/** As `sampleBacklogs`; a queue that cannot be read costs nobody else theirs: its place has the error. */
export async function trySampleBacklogs(
  redis: Redis,
  queues: readonly QueueRef[],
  { dueSoonMs = () => DEFAULT_DUE_SOON_MS, fields = () => EVERYTHING }: BacklogOptions = {},
): Promise<Sampled<BacklogSample>[]> {
  return await sampleInCalls(
    redis,
    queues,
    { dueSoonMs, args: [0, 0], fields, columns: BACKLOG_COLUMNS },
    parseBacklog,
  );
}

/** As `sampleBacklogs`, with everything that can be read of a queue; costs about twice as much. */
export async function sampleQueues(
  redis: Redis,
  queues: readonly QueueRef[],
  options: SampleOptions = {},
): Promise<QueueSample[]> {
  return (await trySampleQueues(redis, queues, options)).map(orThrow);
}

/** As `sampleQueues`; a queue that cannot be read costs nobody else theirs: its place has the error. */
export async function trySampleQueues(
  redis: Redis,
  queues: readonly QueueRef[],
  { dueSoonMs = DEFAULT_DUE_SOON_MS, totals = false }: SampleOptions = {},
): Promise<Sampled<QueueSample>[]> {
  const args = [1, totals ? 1 : 0];
  const call = { dueSoonMs: () => dueSoonMs, args, fields: () => EVERYTHING, columns: WHOLE_COLUMNS };
  return await sampleInCalls(redis, queues, call, parseWhole);
}

type Parse<T> = (ref: QueueRef, redisTimeMs: number, columns: readonly Column[], at: number) => T;
interface Call {
  readonly dueSoonMs: (index: number) => number;
  readonly args: readonly number[];
  readonly fields: (index: number) => BacklogFields;
  readonly columns: number;
}

async function sampleInCalls<T extends object>(
  redis: Redis,
  queues: readonly QueueRef[],
  call: Call,
  parse: Parse<T>,
): Promise<Sampled<T>[]> {
  const samples = Array.from<Sampled<T>>({ length: queues.length });
  const { dueSoonMs, args, fields, columns } = call;
  const sampleBatch = async (batch: readonly number[]): Promise<void> => {
    const keys = batch.map((index) => queueKey(queues[index]!, 'meta'));
    const digits = batch.map((index) => digitOf(fields(index))).join('');
    const horizons = batch.map(dueSoonMs);
    const own = horizons.every((ms) => ms === horizons[0]) ? [] : horizons;
    const reply = await runReadScript(redis, 'sampleQueues', keys, [horizons[0]!, ...args, digits, ...own]);
    const { redisTimeMs, rows: read } = timedReply(reply);
    const rows = read as readonly Column[];
    batch.forEach((index, row) => {
      const first = rows[row * columns];
      samples[index] =
        typeof first === 'string'
          ? new Error(first)
          : parseReply(() => parse(queues[index]!, redisTimeMs, rows, row * columns));
    });
  };
  await inBatches(queues, async (batch) => {
    await splitWhenRefused(batch, sampleBatch, (index, error) => (samples[index] = error));
  });
  return samples;
}

/** Jobs a worker could start now if nothing held it back: waiting, prioritized, overdue, and the legacy paused list. */
export function readyJobs(sample: BacklogSample): number {
  return sample.waiting + sample.prioritized + sample.overdue + sample.legacyPaused;
}

/** How long the job next in line has been ready, in milliseconds; undefined when that is not known. */
export function headAgeMs(sample: BacklogSample): number | undefined {
  return sample.headTimestampMs === undefined ? undefined : Math.max(0, sample.redisTimeMs - sample.headTimestampMs);
}

/** A queue's columns in the order of the script: counts, then what is null where there is none. */
type Column = number | Text | RawMore;
type Text = string | null;
type RawRare = readonly [
  parents: number,
  legacyPaused: number,
  schedulers: number,
  scheduledSoon: number,
  orphaned: number,
  limits: readonly Text[],
  window: readonly [used: number | null, ttlMs: number] | null,
  limitWindowMs: number,
];
/** What only some queues have, or only some samples ask for; where it is jobs due soon alone, just their number. */
type RawMore = readonly [
  overdue: number,
  dueSoon: number,
  nextScore: number | null,
  rare: RawRare | null,
  heads: RawHeads | null,
  dueByQuarter: readonly number[] | null,
];
type RawHeads = readonly [waitingMs: number | null, opts: Text, prioritizedMs: number | null, opts: Text];
type Writable<T> = { -readonly [K in keyof T]: T[K] };
const BACKLOG_COLUMNS = 6;
const WHOLE_COLUMNS = 11;
const ADD_COUNTER = 4;

function parseBacklog(ref: QueueRef, redisTimeMs: number, columns: readonly Column[], at: number): BacklogSample {
  const sample: Writable<BacklogSample> = {
    ref,
    redisTimeMs,
    waiting: columns[at] as number,
    prioritized: columns[at + 1] as number,
    active: columns[at + 2] as number,
    delayed: columns[at + 3] as number,
    overdue: 0,
    dueSoon: 0,
    waitingChildren: 0,
    legacyPaused: 0,
    paused: false,
  };
  // Assigned one by one: for thousands of queues per second, spreading optional parts would cost more than all the
  // rest.
  const addCounter = columns[at + ADD_COUNTER] as number | null;
  if (isCount(addCounter)) sample.addCounter = addCounter;
  const more = columns[at + 5] as RawMore | number | null;
  if (typeof more === 'number') sample.dueSoon = more;
  else if (more !== null) addMore(sample, more);
  return sample;
}

function addMore(sample: Writable<BacklogSample>, more: RawMore): void {
  const [overdue, dueSoon, nextScore, rare, heads, dueByQuarter] = more;
  sample.overdue = overdue;
  sample.dueSoon = dueSoon;
  if (dueByQuarter !== null) sample.dueByQuarter = dueByQuarter;
  if (nextScore !== null) sample.nextDelayedDueMs = Math.floor(nextScore / DELAYED_SCORE_PER_MS);
  if (rare !== null) addRare(sample, rare);
  const headMs = heads === null ? Infinity : headReadyMs(heads);
  if (headMs !== Infinity) sample.headTimestampMs = headMs;
}

function addRare(sample: Writable<BacklogSample>, rare: RawRare): void {
  const [parents, legacyPaused, schedulers, scheduledSoon, orphaned, limits, window, limitWindowMs] = rare;
  const { paused, rateLimit, globalConcurrency } = parsePolicyFields(limits);
  const [used, ttlMs] = window ?? [null, 0];
  sample.waitingChildren = parents;
  sample.legacyPaused = legacyPaused;
  sample.paused = paused;
  if (schedulers > 0) Object.assign(sample, { schedulers, scheduledSoon: isCount(scheduledSoon) ? scheduledSoon : 0 });
  if (orphaned > 0) sample.orphaned = orphaned;
  if (rateLimit !== undefined) sample.rateLimit = rateLimit;
  if (globalConcurrency !== undefined) sample.globalConcurrency = globalConcurrency;
  if (rateLimit !== undefined && (used ?? 0) >= rateLimit.max && ttlMs > 0) sample.rateLimitedForMs = ttlMs;
  if (limitWindowMs > 0) sample.limitWindowMs = limitWindowMs;
}

function parseWhole(ref: QueueRef, redisTimeMs: number, columns: readonly Column[], at: number): QueueSample {
  const backlog = parseBacklog(ref, redisTimeMs, columns, at);
  const [completed, failed, metaExists, completedTotal, failedTotal] = columns.slice(
    at + BACKLOG_COLUMNS,
    at + WHOLE_COLUMNS,
  ) as [number, number, number, number | null, number | null];
  const { waiting, prioritized, active, delayed, waitingChildren, legacyPaused } = backlog;
  const jobs = waiting + prioritized + active + delayed + completed + failed + waitingChildren + legacyPaused;
  return {
    ...backlog,
    exists: metaExists === 1 || jobs > 0 || columns[at + ADD_COUNTER] !== null,
    completed,
    failed,
    ...(isCount(completedTotal) && { completedTotal }),
    ...(isCount(failedTotal) && { failedTotal }),
  };
}

/** BullMQ scores delayed jobs with their due time in ms · 4096 plus a tie-breaker. */
const DELAYED_SCORE_PER_MS = 4096;

/** The earliest time at which a job at the head of a line became ready: from the timestamp and options of each head. */
function headReadyMs([waitingMs, waitingOpts, prioritizedMs, prioritizedOpts]: RawHeads): number {
  return Math.min(readyMs(waitingMs, waitingOpts), readyMs(prioritizedMs, prioritizedOpts));
}

/** Infinity for no job, and for one whose time is none. */
function readyMs(timestampMs: number | null, opts: Text): number {
  if (timestampMs === null || timestampMs < 0) return Infinity;
  const ms = timestampMs + delayOf(opts);
  return ms <= MAX_TIME_MS ? ms : Infinity;
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
