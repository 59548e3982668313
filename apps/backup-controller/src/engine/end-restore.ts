import { abandonRestore, assertPlaced, completeRestore, type EndOptions } from '@redis-queue/bullmq';
import { withRedis } from '../access/redis.ts';
import { redisInWords } from './failures.ts';
import type { RestoreFence } from './restore-fence.ts';
import { takeBackAll, type TakeBackOptions } from './take-back.ts';
import type { QueueTarget } from './targets.ts';

/** The same, of what ends a restore. */
export interface EndFence extends RestoreFence, Pick<TakeBackOptions, 'sleep'> {
  /** Whether the Queue object of this name wants its queue paused, as it is now. */
  readonly keepsPaused: (queue: string) => boolean;
}

export interface ResumptionResult {
  /** Names of Queues whose queues were paused in the backup, or before the restore, or are to be paused by now. */
  readonly stayPaused: readonly string[];
}

/** What became of queues that a restore was at. */
export interface AbandonmentResult {
  /** Queues that have all of its jobs, so that they stay there, paused. */
  readonly left: readonly QueueLeft[];
}

/** A queue in which a restore that ended early has left its jobs. */
export interface QueueLeft {
  /** As the backup names it. */
  readonly name: string;
  /** Name of the Queue object. */
  readonly queue: string;
  readonly isDeadLetters: boolean;
}

/**
 * Lets workers start jobs in queues that were restored and held. Idempotent.
 *
 * @throws before the first of them is resumed, RestoreLostError or RestoreIncompleteError when one has not all that was
 * verified any more.
 */
export async function resumeQueues(targets: readonly QueueTarget[], fence: EndFence): Promise<ResumptionResult> {
  for (const { queue, ref, target } of targets)
    // oxlint-disable-next-line no-await-in-loop -- in turn
    await withRedis(target, fence.signal, (access) =>
      redisInWords(queue, access, () => assertPlaced(access.redis, ref, fence.restoreId)),
    );
  const stayPaused = new Set<string>();
  for (const place of targets) {
    const { queue, ref, target } = place;
    fence.assertLeading();
    // oxlint-disable-next-line no-await-in-loop -- a parent looks for its children in the queues before it
    const { outcome } = await withRedis(target, fence.signal, (access) =>
      redisInWords(queue, access, () =>
        completeRestore(access.redis, ref, fence.restoreId, { resume: true, ...stepsOf(place, fence) }),
      ),
    );
    if (outcome === 'paused') stayPaused.add(queue);
  }
  return { stayPaused: [...stayPaused] };
}

/** Removes what a restore that ends early has written, unless all of it is there. Idempotent. */
export async function abandonQueues(targets: readonly QueueTarget[], fence: EndFence): Promise<AbandonmentResult> {
  const left: QueueLeft[] = [];
  await takeBackAll(targets, fence, async (place, { redis }) => {
    const outcome = await abandonRestore(redis, place.ref, fence.restoreId, stepsOf(place, fence));
    const { name, queue, isDeadLetters = false } = place;
    if (outcome !== 'done' && outcome !== 'gone') left.push({ name, queue, isDeadLetters });
    return outcome === 'gone' ? 'gone' : 'found';
  });
  return { left };
}

function stepsOf({ queue, isDeadLetters = false }: QueueTarget, { assertLeading, keepsPaused }: EndFence): EndOptions {
  // What a Queue says of its pause is not about its dead letters.
  return { beforeStep: assertLeading, keepsPaused: () => !isDeadLetters && keepsPaused(queue) };
}
