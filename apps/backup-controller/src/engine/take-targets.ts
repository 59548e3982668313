import { END_RESTORE_ANNOTATION } from '@redis-queue/api';
import {
  assertGovernedBy,
  beginRestore,
  governedBy,
  GovernedByAnotherError,
  lookAtTarget,
  queueId,
  readRestorePhase,
  RestoreLostError,
  type RestoreStart,
  type TargetState,
} from '@redis-queue/bullmq';
import { withRedis, type RunRedis } from '../access/redis.ts';
import { RunFailure } from '../runs/failure.ts';
import type { RestoreFence } from './restore-fence.ts';
import { redisInWords } from './failures.ts';
import type { QueueTarget } from './targets.ts';

/** What a queue is begun by. */
export interface BeginFence extends Pick<RestoreFence, 'restoreId' | 'assertLeading'> {
  /** It is removed again, all of it. */
  readonly scratch?: boolean;
}

/** A call that begins a restore later than this is none: what takes it back waits for so long, see `takeBackAll`. */
export const BEGINS_WITHIN_MS = 5_000;

/**
 * Looks at all queues into which a restore goes, and writes nothing: each is empty, or this restore has begun there, its
 * Redis answers, and the restore may write there.
 *
 * @throws RunFailure of the first that is not.
 */
export async function lookAtTargets(
  targets: readonly QueueTarget[],
  { restoreId, signal }: Pick<RestoreFence, 'restoreId' | 'signal'>,
): Promise<void> {
  for (const target of targets) {
    // oxlint-disable-next-line no-await-in-loop -- in turn, over a connection of its own
    const found = await withRedis(target.target, signal, (access) =>
      redisInWords(target.queue, access, async () => {
        if (target.governor !== undefined) await assertGovernedBy(access.redis, target.ref, target.governor);
        return await lookAtTarget(access.redis, target.ref, restoreId);
      }),
    );
    if (found.outcome === 'occupied') throw new RunFailure(notEmpty(target, found));
    if (found.outcome !== 'denied') continue;
    const message = `${placeOf(target)} cannot be restored: the user of its Redis may not call ${found.command} there; docs/redis-users.md has the rights of a restore`;
    throw new RunFailure({ reason: 'RedisNoPermission', message });
  }
}

/** Takes all queues, each in one step with the check that it is empty, before anything is written into the first. */
export async function takeTargets(targets: readonly QueueTarget[], fence: RestoreFence): Promise<void> {
  for (const target of targets)
    // oxlint-disable-next-line no-await-in-loop -- in turn
    await withRedis(target.target, fence.signal, (access) => beginQueue(target, access, fence));
}

/** Takes one queue, or goes on with it. Idempotent. */
export async function beginQueue(
  target: QueueTarget,
  access: RunRedis,
  { restoreId, assertLeading, scratch = false }: BeginFence,
): Promise<Exclude<RestoreStart, { outcome: 'occupied' | 'governed' | 'restored' }>> {
  assertLeading();
  const { governor } = target;
  const options = {
    withinMs: BEGINS_WITHIN_MS,
    ...(scratch ? { scratch } : { governor: governor === undefined ? undefined : governedBy(governor) }),
  };
  const start = await redisInWords(target.queue, access, () =>
    beginRestore(access.redis, target.ref, restoreId, options),
  );
  if (start.outcome === 'governed') throw new GovernedByAnotherError(target.ref, governor ?? '', start.owner);
  if (start.outcome === 'occupied') throw new RunFailure(notEmpty(target, start));
  if (start.outcome === 'restored') throw new RunFailure(restoredBefore(target));
  return start;
}

/**
 * Whether this restore has all of its queues still: looked at before the first job is put in its place, since what fails
 * until then is undone.
 *
 * @throws RestoreLostError
 */
export async function confirmTargets(targets: readonly QueueTarget[], fence: RestoreFence): Promise<void> {
  for (const { queue, ref, target } of targets) {
    // oxlint-disable-next-line no-await-in-loop -- in turn
    const phase = await withRedis(target, fence.signal, (access) =>
      redisInWords(queue, access, () => readRestorePhase(access.redis, ref, fence.restoreId)),
    );
    if (phase === undefined) throw new RestoreLostError(queueId(ref), fence.restoreId);
  }
}

/** The queue in Redis, in words. */
export function placeOf({ queue, isDeadLetters = false }: Pick<QueueTarget, 'queue' | 'isDeadLetters'>): string {
  return `the ${isDeadLetters ? 'dead-letter queue' : 'queue'} of Queue ${queue}`;
}

function restoredBefore(target: QueueTarget): { reason: 'AlreadyRestored'; message: string } {
  const message = `${placeOf(target)} was restored and resumed by this QueueRestore before, as its receipt there says, and its jobs have been worked on since; nothing was written. To restore it once more, create another QueueRestore`;
  return { reason: 'AlreadyRestored', message };
}

function notEmpty(
  target: QueueTarget,
  { by, restoreId }: Extract<TargetState, { outcome: 'occupied' }>,
): { reason: 'QueueNotEmpty'; message: string } {
  const { name, queue, isDeadLetters = false } = target;
  const other = isDeadLetters ? 'set spec.deadLetters to false' : `restore ${name} into another Queue`;
  const wayOut =
    restoreId === undefined
      ? `remove that, or ${other}`
      : `wait for it; where its QueueRestore is gone or has failed, annotate Queue ${queue} with ${END_RESTORE_ANNOTATION}=${restoreId}`;
  return { reason: 'QueueNotEmpty', message: `${placeOf(target)} is not empty: it has ${by}; ${wayOut}` };
}
