import type { Redis } from 'ioredis';
import { queueId, queueKey, type QueueRef } from '../redis/keys.ts';
import { timeOf, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript, runScript, runScripts, type ScriptCall } from '../redis/scripts.ts';
import type { Value } from '../snapshot/records.ts';
import type { EndOptions, StepOptions } from './abandon-restore.ts';
import {
  parseRestoreMark,
  RESTORE_FIELD,
  RESTORED_FIELD,
  RestoreIncompleteError,
  RestoreLostError,
} from '../ownership/restore-mark.ts';
import { argumentOf } from './restored-job.ts';
import { planScheduler, type HeldScheduler } from './restored-scheduler.ts';
import { exec, pages, settleFlows } from './settle-flows.ts';

export interface RestoreCompletion {
  /**
   * - `resumed`: workers take jobs.
   * - `paused`: it is complete, and the queue is paused as it was in the backup, or here before the restore, or as is asked.
   * - `held`: the queue is paused and its job schedulers are held back, until it is completed with `resume`.
   */
  readonly outcome: 'resumed' | 'paused' | 'held';
  /** Flow parents that wait no more, because their children are over or absent. */
  readonly releasedParents: number;
}

/** Jobs that one call moves between `wait` and `paused`: about 2 ms of Redis' time. */
const MOVED_JOBS_PER_CALL = 5_000;
/** Delayed jobs that one call puts in their places: about 3 ms of Redis' time. */
const DELAYED_JOBS_PER_CALL = 1_000;
/** Job schedulers read, and put in their places, at a time. */
const SCHEDULERS_PER_PAGE = 50;

/**
 * Completes a restore whose `finish` is done: settles its flows, puts its job schedulers in their places with a run to
 * come, and its delayed jobs, and resumes the queue, unless it was paused in the backup or here before, or is to be paused
 * now. Idempotent: a
 * receipt in `meta` says to who asks again that it is done. Where several queues are
 * restored, `finish` has to be done for all of them before: a parent looks for its children there.
 *
 * @param options.resume false: all of that but delayed jobs is left for another call, and the queue stays paused under the
 * restore's mark.
 * @throws RestoreLostError when there is no such restore: Redis has lost it, or somebody has removed the queue;
 * RestoreIncompleteError when its jobs are not in their places; what ioredis throws, see `classifyRedisError`.
 */
export async function completeRestore(
  redis: Redis,
  target: QueueRef,
  restoreId: string,
  { resume, beforeStep, keepsPaused }: { readonly resume: boolean } & EndOptions,
): Promise<RestoreCompletion> {
  let releasedParents = 0;
  if (resume && (await isPlaced(redis, target, restoreId))) {
    releasedParents = await settleFlows(redis, target, restoreId, { beforeStep });
    await restoreSchedulers(redis, target, restoreId, beforeStep);
  }
  for (;;) {
    beforeStep?.();
    const limits = [MOVED_JOBS_PER_CALL, DELAYED_JOBS_PER_CALL];
    const way = resume ? (keepsPaused?.() ? 'pause' : 'resume') : 'hold';
    const args = [RESTORE_FIELD, restoreId, way, ...limits, RESTORED_FIELD];
    // oxlint-disable-next-line no-await-in-loop -- each answer says whether there is more
    const outcome = await runScript(redis, 'endRestore', [queueKey(target, 'meta')], args);
    if (outcome === 'resumed' || outcome === 'paused' || outcome === 'held') return { outcome, releasedParents };
    if (outcome === 'gone') throw new RestoreLostError(queueId(target), restoreId);
    if (outcome === 'filling' || outcome === 'placing') throw new RestoreIncompleteError(queueId(target), restoreId);
    if (outcome !== 'again') throw new UnexpectedReplyError('the end of a restore');
  }
}

/**
 * Whether `completeRestore` can complete it, or has: looked at for all queues of a restore before the first one is resumed.
 *
 * @throws RestoreLostError; RestoreIncompleteError; what ioredis throws, see `classifyRedisError`.
 */
export async function assertPlaced(redis: Redis, target: QueueRef, restoreId: string): Promise<void> {
  const [text, receipt] = await redis.hmget(queueKey(target, 'meta'), RESTORE_FIELD, RESTORED_FIELD);
  const mark = parseRestoreMark(text);
  if (mark?.restoreId !== restoreId) {
    if (receipt?.split(' ')[0] === restoreId) return;
    throw new RestoreLostError(queueId(target), restoreId);
  }
  if (mark.phase !== 'placed' && mark.phase !== 'held') throw new RestoreIncompleteError(queueId(target), restoreId);
}

async function isPlaced(redis: Redis, target: QueueRef, restoreId: string): Promise<boolean> {
  const [id, , phase] = ((await redis.hget(queueKey(target, 'meta'), RESTORE_FIELD)) ?? '').split(' ');
  return id === restoreId && (phase === 'placed' || phase === 'held');
}

async function restoreSchedulers(
  redis: Redis,
  target: QueueRef,
  restoreId: string,
  beforeStep: StepOptions['beforeStep'],
): Promise<void> {
  const snapshotAtMs = Number((await redis.hget(queueKey(target, 'restore:state'), 'snapshotAt')) ?? 0);
  const slots = queueKey(target, 'restore:slots');
  for await (const page of pages((cursor) => redis.hscan(slots, cursor, 'COUNT', SCHEDULERS_PER_PAGE))) {
    // Only names: templates of jobs may be long, and are read one by one.
    const ids = page.filter((_, at) => at % 2 === 0);
    for (let from = 0; from < ids.length; from += SCHEDULERS_PER_PAGE) {
      beforeStep?.();
      await restorePage(redis, target, { restoreId, snapshotAtMs, ids: ids.slice(from, from + SCHEDULERS_PER_PAGE) });
    }
  }
}

interface SchedulerPage {
  readonly restoreId: string;
  readonly snapshotAtMs: number;
  readonly ids: readonly string[];
}

async function restorePage(
  redis: Redis,
  target: QueueRef,
  { restoreId, snapshotAtMs, ids }: SchedulerPage,
): Promise<void> {
  const microseconds = await runReadScript(redis, 'redisTime', [queueKey(target, 'meta')], []);
  const nowMs = Math.floor(timeOf(Number(microseconds) / 1_000));
  const read = async (command: string, suffix: string): Promise<unknown[]> =>
    await exec(
      redis,
      ids.map((id) => [command, queueKey(target, suffix), id]),
    );
  const [texts, slots] = [await read('hget', 'restore:schedulers'), (await read('hget', 'restore:slots')).map(Number)];
  const jobIds = ids.map((id, at) => `repeat:${id}:${slots[at]}`);
  const held = await exec(
    redis,
    jobIds.map((id) => ['zscore', queueKey(target, 'restore:held'), id]),
  );
  const jobs = await exec(
    redis,
    jobIds.map((id) => ['hmget', queueKey(target, id), 'name', 'finishedOn', 'opts']),
  );
  const calls = ids.map((id, at): ScriptCall => {
    const [name, finishedOn, jobOpts] = jobs[at] as (string | null)[];
    const hash = Object.entries(JSON.parse((texts[at] as string | null) ?? '{}') as Record<string, Value>);
    const scheduler: HeldScheduler = {
      id,
      nextMs: slots[at]!,
      hash: Object.fromEntries(hash.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
      job: stateOfJob({ isHeld: held[at] !== null, exists: name !== null, isOver: finishedOn !== null }),
      jobOpts: jobOpts ?? undefined,
    };
    const plan = planScheduler(scheduler, { nowMs, snapshotAtMs });
    return {
      name: 'restoreScheduler',
      keys: [queueKey(target, 'meta')],
      args: [
        RESTORE_FIELD,
        restoreId,
        id,
        scheduler.nextMs,
        plan.nextMs,
        plan.way,
        plan.opts ?? '',
        nowMs,
        scheduler.hash['name'] ?? '',
        scheduler.hash['data'] ?? '{}',
        priorityOf(plan.opts),
        ...hash.flatMap(([field, value]) => [field, argumentOf(value)]),
      ],
    };
  });
  const outcomes = await runScripts(redis, calls, { write: true });
  if (outcomes.includes('lost')) throw new RestoreLostError(queueId(target), restoreId);
}

function stateOfJob(job: { isHeld: boolean; exists: boolean; isOver: boolean }): HeldScheduler['job'] {
  if (!job.exists) return 'absent';
  if (job.isHeld) return 'held';
  return job.isOver ? 'over' : 'unfinished';
}

function priorityOf(opts: string | undefined): number {
  const { priority } = JSON.parse(opts ?? '{}') as { priority?: unknown };
  return typeof priority === 'number' ? priority : 0;
}
