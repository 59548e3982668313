import type { Milliseconds } from '@redis-queue/api';
import type { Redis } from 'ioredis';
import { inBatches, queueKey, type QueueRef } from '../redis/keys.ts';
import type { Clamping } from './declared.ts';
import { parseReply, timedReply, UnexpectedReplyError } from '../redis/reply.ts';
import type { Sampled } from '../redis/sampled.ts';
import { runReadScript } from '../redis/scripts.ts';
import { splitWhenRefused } from '../connections/split.ts';
import { numbersOf, runStep, type StepFence, type StepOutcome } from '../rounds/step.ts';

/** Ready jobs by whether their priority is a declared one. */
export interface PriorityCounts {
  /** Unix ms, by Redis' clock. */
  readonly redisTimeMs: number;
  /** Jobs without a priority: BullMQ serves them before all others. */
  readonly withoutPriority: number;
  /** Jobs with a priority that is not declared. */
  readonly undeclared: number;
  /** Jobs of each declared priority, in the order in which they were given. */
  readonly declared: readonly number[];
}

export interface DeclaredPriorities {
  readonly queue: QueueRef;
  readonly priorities: readonly number[];
}

/**
 * Counts the ready jobs of queues of one Redis by priority, in O(log n) per declared one, ≤ 50 queues per script call.
 * Delayed jobs count when they are due. A job whose worker died waits among those without a priority.
 *
 * @returns one per queue, in their order; a queue that cannot be read has its error there, and costs nobody else theirs.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function tryCountPriorities(
  redis: Redis,
  queues: readonly DeclaredPriorities[],
): Promise<Sampled<PriorityCounts>[]> {
  const found = Array.from<Sampled<PriorityCounts>>({ length: queues.length });
  const countBatch = async (batch: readonly number[]): Promise<void> => {
    const keys = batch.map((index) => queueKey(queues[index]!.queue, 'prioritized'));
    const args = batch.flatMap((index) => [queues[index]!.priorities.length, ...queues[index]!.priorities]);
    const { redisTimeMs, rows } = timedReply(await runReadScript(redis, 'countPriorities', keys, args));
    batch.forEach((index, row) => {
      const queue = rows[row];
      found[index] = typeof queue === 'string' ? new Error(queue) : parseReply(() => parseCounts(redisTimeMs, queue));
    });
  };
  await inBatches(
    queues.map(({ queue }) => queue),
    async (batch) => {
      await splitWhenRefused(batch, countBatch, (index, error) => (found[index] = error));
    },
  );
  return found;
}

function parseCounts(redisTimeMs: number, row: unknown): PriorityCounts {
  const [withoutPriority, undeclared, ...declared] = (row as unknown[]).map(Number);
  if (!declared.every(Number.isFinite)) throw new UnexpectedReplyError('the jobs of a priority');
  return { redisTimeMs, withoutPriority: withoutPriority!, undeclared: undeclared!, declared };
}

/** Jobs moved per step: about 0.6 ms of Redis' time. */
const JOBS_PER_STEP = 100;

export interface ClampedJobs {
  readonly outcome: StepOutcome;
  /** Jobs moved that had no priority. */
  readonly withoutPriority: number;
  /** Jobs moved that had one that is not declared. */
  readonly undeclared: number;
  /** There may be more to move. */
  readonly more: boolean;
  /** How long Redis was busy with the step, by its own clock. 0: not known. */
  readonly scriptMs: Milliseconds;
}

/**
 * One step of giving ready jobs a declared priority: it moves up to 100. Safe to repeat, to interrupt anywhere, beside
 * another one, and while producers add and workers take jobs.
 *
 * @throws what ioredis throws; see `classifyRedisError`. Jobs before the one that Redis refuses to move are moved then.
 */
export async function clampPriorities(
  redis: Redis,
  queue: QueueRef,
  { clamping, ...fence }: StepFence & { readonly clamping: Clamping },
): Promise<ClampedJobs> {
  const ranges = clamping.ranges.flatMap(({ first, last, to }) => [first, last, to]);
  const args = [JOBS_PER_STEP, clamping.ofNone, ...ranges];
  const { outcome, values, scriptMs } = await runStep(redis, queue, 'clampPriorities', fence, args);
  const [withoutPriority, undeclared, more] = numbersOf(values);
  return { outcome, withoutPriority: withoutPriority!, undeclared: undeclared!, more: more === 1, scriptMs };
}
