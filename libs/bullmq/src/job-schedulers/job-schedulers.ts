import type { Redis } from 'ioredis';
import { fingerprint, jobOptions, SCHEDULERS_FIELD, storedFields, type JobScheduler } from './definition.ts';
import { nextRunMs } from './schedule.ts';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { timeOf, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript, runScript } from '../redis/scripts.ts';
import type { StepOutcome } from '../rounds/step.ts';

/**
 * - `holds`: it is as it is declared, and the job of its next run is there.
 * - `absent`: there is none of this name.
 * - `differs`: its definition is another one.
 * - `stopped`: the job of its next run is gone, or over, so that no worker will make another.
 */
export type SchedulerState = (typeof STATES)[number];
const STATES = ['holds', 'absent', 'differs', 'stopped'] as const;

/** The names in the list that `readQueuePolicy` gives, if `owner` has written it; another's schedulers are not ours. */
export function listedSchedulers(list: string | undefined, owner: string): string[] {
  const [writtenBy, ...names] = (list ?? '').split('\n');
  return writtenBy === owner ? names : [];
}

/**
 * Reads whether each job scheduler is as it is declared, in one call; no text of any length is sent for it.
 *
 * @returns by their names.
 * @throws UnexpectedReplyError when what answers is no Redis; what ioredis throws, see `classifyRedisError`.
 */
export async function readSchedulers(
  redis: Redis,
  queue: QueueRef,
  schedulers: readonly JobScheduler[],
): Promise<Map<string, SchedulerState>> {
  if (schedulers.length === 0) return new Map();
  const args = schedulers.flatMap((scheduler) => {
    const { bytes, sha1 } = fingerprint(scheduler);
    return [scheduler.name, bytes, sha1];
  });
  const reply = await runReadScript(redis, 'readSchedulers', [queueKey(queue, 'meta')], args);
  const states = Array.isArray(reply) ? (reply as SchedulerState[]) : [];
  return new Map(
    schedulers.map(({ name }, index) => {
      const state = states[index];
      if (!state || !STATES.includes(state)) throw new UnexpectedReplyError('the state of a job scheduler');
      return [name, state];
    }),
  );
}

/** Runs of a schedule that are tried: those that come first may exist already, of a scheduler of the same name. */
const TRIES = 10;

/** A write is given up by its caller long before; what waits in the buffers of a Redis that hangs does nothing after. */
const VALID_MS = 10_000;

/** A write to a job scheduler: by whom, and under which mark. */
export interface SchedulerFence {
  /** Owner of the list of schedulers. */
  readonly owner: string;
  /** The queue's owner mark as stored. */
  readonly mark: string;
}

/**
 * Brings a job scheduler to its definition, and lists it as the owner's, in one step that is fenced by the owner mark.
 * One that is as it should be is left alone; its next run moves only when its schedule changes. Idempotent.
 *
 * The run is computed here, as BullMQ's clients do, but by Redis' clock.
 *
 * @returns `noRun` when the schedule has no run that could be made: none comes, or those that come next exist already.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function upsertScheduler(
  redis: Redis,
  queue: QueueRef,
  scheduler: JobScheduler,
  fence: SchedulerFence,
): Promise<StepOutcome | 'noRun'> {
  const { name, jobName, data, opts, schedule } = scheduler;
  const definition = Object.entries(storedFields(scheduler)).flat();
  const nowMs = await readTimeMs(redis, queue);
  const job = [jobName, data, jobOptions(scheduler), Number(opts['priority'] ?? 0)];
  let runMs = nextRunMs(schedule, nowMs);
  for (let tried = 0; runMs !== undefined && tried < TRIES; tried++) {
    const args = [...fenceOf(fence, nowMs), name, runMs, ...job, ...definition];
    // oxlint-disable-next-line no-await-in-loop -- each answer says what to try next
    const reply = await runScript(redis, 'upsertScheduler', [queueKey(queue, 'meta')], args);
    const [outcome, afterMs] = Array.isArray(reply) ? (reply as unknown[]) : [];
    if (outcome === 'done' || outcome === 'late' || outcome === 'ownershipLost') return outcome;
    if (outcome !== 'again') throw new UnexpectedReplyError('the outcome of a job scheduler');
    runMs = nextRunMs(schedule, timeOf(afterMs));
  }
  return 'noRun';
}

/**
 * Removes a job scheduler that the list names, with the job of its next run unless that is in line already; one that it
 * does not name stays. Fenced by the owner mark, and idempotent.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function removeScheduler(
  redis: Redis,
  queue: QueueRef,
  name: string,
  fence: SchedulerFence,
): Promise<StepOutcome> {
  const args = [...fenceOf(fence, await readTimeMs(redis, queue)), name];
  const outcome = await runScript(redis, 'removeScheduler', [queueKey(queue, 'meta')], args);
  if (outcome !== 'done' && outcome !== 'late' && outcome !== 'ownershipLost')
    throw new UnexpectedReplyError('the outcome of a removal');
  return outcome;
}

function fenceOf({ owner, mark }: SchedulerFence, nowMs: number): (string | number)[] {
  return [OWNER_FIELD, mark, nowMs + VALID_MS, SCHEDULERS_FIELD, owner];
}

/** By the clock of the node where the queue is. */
async function readTimeMs(redis: Redis, queue: QueueRef): Promise<number> {
  const microseconds = await runReadScript(redis, 'redisTime', [queueKey(queue, 'meta')], []);
  return Math.floor(timeOf(Number(microseconds) / 1_000));
}
