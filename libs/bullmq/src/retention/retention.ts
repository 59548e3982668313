import type { Milliseconds } from '@redis-queue/api';
import type { Redis } from 'ioredis';
import { inBatches, queueKey, type QueueRef } from '../redis/keys.ts';
import { parseReply, timedReply, UnexpectedReplyError } from '../redis/reply.ts';
import type { Finished, FinishedJobs, FinishedState } from './plan.ts';
import { WEIGHED_STATES, type SizeSample, type WeighedJobs } from './size-estimate.ts';
import { runReadScript } from '../redis/scripts.ts';
import { splitWhenRefused } from '../connections/split.ts';
import type { Sampled } from '../redis/sampled.ts';
import { numbersOf, runStep, type StepFence, type StepOutcome } from '../rounds/step.ts';

/**
 * Jobs looked at per step: about 1 ms of Redis' time. Nobody waits long behind it, and on a busy machine it ends before
 * Redis' processor is given to others, which would look as if the step took that long.
 */
export const JOBS_PER_STEP = 150;
/** Events removed per step: about 2 ms. */
const EVENTS_PER_STEP = 20_000;
/** Jobs weighed per state: about 3 ms over all states. */
const WEIGHED_PER_STATE = 64;

/** Where a pass over the finished jobs of one state goes on. It may be lost: the next pass begins at the oldest again. */
export interface CleanCursor {
  /** Unix ms, or `-inf`, as Redis gave it. */
  readonly finishedOn: string;
  /** Jobs that finished then and were left in place. */
  readonly skip: number;
}

export interface CleanOptions extends StepFence {
  readonly state: FinishedState;
  /** Only jobs that finished longer ago by Redis' clock. Absent: whenever they finished. */
  readonly olderThanMs?: Milliseconds;
  /** The step ends when this much is freed. Absent: no limit but the step's own of 16 MB. */
  readonly bytes?: number;
  /** Leave failed jobs that may become dead letters: all but those of flows. */
  readonly leavesDeadLetters?: boolean;
  /** Absent: at the oldest job. */
  readonly cursor?: CleanCursor | undefined;
}

export interface CleanedJobs {
  readonly outcome: StepOutcome;
  readonly removed: number;
  /** Memory of the removed jobs as Redis counts it. */
  readonly freedBytes: number;
  /** Jobs that were left in place; `clean-finished.lua` says which. */
  readonly left: number;
  /** There may be more to remove, from here. Absent: the pass is at its end. */
  readonly cursor?: CleanCursor;
  /** How long Redis was busy with the step, by its own clock. 0: not known. */
  readonly scriptMs: number;
}

/**
 * One step of removing finished jobs, oldest first: it looks at up to 150 and removes up to 16 MB of them. Safe to
 * repeat, to interrupt anywhere, and beside another one.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function cleanFinished(redis: Redis, queue: QueueRef, options: CleanOptions): Promise<CleanedJobs> {
  const { state, olderThanMs, bytes, cursor, leavesDeadLetters = false } = options;
  const { outcome, values, scriptMs } = await runStep(redis, queue, 'cleanFinished', options, [
    state,
    olderThanMs ?? '',
    JOBS_PER_STEP,
    bytes ?? '',
    cursor?.finishedOn ?? '-inf',
    cursor?.skip ?? 0,
    leavesDeadLetters ? '1' : '0',
  ]);
  const [removed, freedBytes, left, more, , skip] = numbersOf(values.with(4, 0));
  return {
    outcome,
    removed: removed!,
    freedBytes: freedBytes!,
    left: left!,
    ...(more === 1 && { cursor: { finishedOn: String(values[4]), skip: skip! } }),
    scriptMs,
  };
}

export interface TrimmedEvents {
  readonly outcome: StepOutcome;
  readonly removed: number;
  /** Events that are left. */
  readonly events: number;
  readonly scriptMs: number;
}

/**
 * One step of shortening a queue's stream of events, to `maxEvents` and up to a hundred more; sets what BullMQ shortens
 * it to, too. Safe to repeat.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function trimEvents(
  redis: Redis,
  queue: QueueRef,
  { maxEvents, ...fence }: StepFence & { readonly maxEvents: number },
): Promise<TrimmedEvents> {
  const args = [maxEvents, EVENTS_PER_STEP];
  const { outcome, values, scriptMs } = await runStep(redis, queue, 'trimEvents', fence, args);
  const [removed, events] = numbersOf(values);
  return { outcome, removed: removed!, events: events!, scriptMs };
}

/**
 * Reads what queues of one Redis have of all that retention limits, ≤ 50 per script call.
 *
 * @returns one per queue, in their order; a queue that cannot be read has its error there, and costs nobody else theirs.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function tryReadFinished(redis: Redis, queues: readonly QueueRef[]): Promise<Sampled<Finished>[]> {
  const found = Array.from<Sampled<Finished>>({ length: queues.length });
  const readBatch = async (batch: readonly number[]): Promise<void> => {
    const keys = batch.map((index) => queueKey(queues[index]!, 'meta'));
    const { redisTimeMs, rows } = timedReply(await runReadScript(redis, 'readFinished', keys, []));
    batch.forEach((index, row) => {
      const queue = rows[row];
      found[index] = typeof queue === 'string' ? new Error(queue) : parseReply(() => parseFinished(redisTimeMs, queue));
    });
  };
  await inBatches(queues, async (batch) => {
    await splitWhenRefused(batch, readBatch, (index, error) => (found[index] = error));
  });
  return found;
}

/**
 * Weighs up to 64 jobs of each state of a queue, and its own keys: at most some 4 ms of Redis' time.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function sampleSizes(redis: Redis, queue: QueueRef): Promise<SizeSample> {
  const reply = await runReadScript(redis, 'sampleSizes', [queueKey(queue, 'meta')], [WEIGHED_PER_STATE]);
  const [own, rows] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (!Array.isArray(rows) || rows.length !== WEIGHED_STATES.length || !Number.isFinite(Number(own)))
    throw new UnexpectedReplyError('the sizes of jobs');
  const states = WEIGHED_STATES.map((state, row) => [state, parseWeighed(rows[row])] as const);
  return { ownBytes: Number(own), states: Object.fromEntries(states) as SizeSample['states'] };
}

function parseWeighed(row: unknown): WeighedJobs {
  const [count, weighed, bytes, squares] = (Array.isArray(row) ? (row as unknown[]) : []).map(Number);
  const parsed = parseReply(() => ({ count: count!, weighed: weighed!, bytes: bytes!, squares: squares! }));
  if (parsed instanceof Error) throw parsed;
  return parsed;
}

function parseFinished(redisTimeMs: number, row: unknown): Finished {
  const [completed, oldestCompleted, failed, oldestFailed, events, maxLenEvents] = row as unknown[];
  const longest = Number(maxLenEvents ?? Number.NaN);
  return {
    redisTimeMs,
    completed: parseJobs(completed, oldestCompleted),
    failed: parseJobs(failed, oldestFailed),
    events: Number(events),
    ...(Number.isFinite(longest) && { maxLenEvents: longest }),
  };
}

function parseJobs(count: unknown, oldest: unknown): FinishedJobs {
  const jobs = parseReply(() => ({ count: Number(count), ...(oldest !== null && { oldestMs: Number(oldest) }) }));
  if (jobs instanceof Error) throw jobs;
  return jobs;
}
