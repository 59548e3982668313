import { abandonRestore, completeRestore } from '@redis-queue/bullmq';
import { withRedis } from '../access/redis.ts';
import { redisInWords } from './failures.ts';
import type { QueueTarget } from './targets.ts';

/** What a restore is fenced by. */
export interface RestoreFence {
  /** Of this restore alone; with it a run goes on where the one before it ended. */
  readonly restoreId: string;
  readonly signal: AbortSignal;
  /** @throws when another may lead by now. */
  readonly assertLeading: () => void;
}

export interface ResumptionResult {
  /** Names of Queues whose queues were paused in the backup, or before the restore. */
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

/** Lets workers start jobs in queues that were restored and held. Idempotent. */
export async function resumeQueues(targets: readonly QueueTarget[], fence: RestoreFence): Promise<ResumptionResult> {
  const stayPaused = new Set<string>();
  for (const { queue, ref, target } of targets) {
    fence.assertLeading();
    // oxlint-disable-next-line no-await-in-loop -- a parent looks for its children in the queues before it
    const { outcome } = await withRedis(target, fence.signal, (access) =>
      redisInWords(queue, access, () =>
        completeRestore(access.redis, ref, fence.restoreId, { resume: true, beforeStep: fence.assertLeading }),
      ),
    );
    if (outcome === 'paused') stayPaused.add(queue);
  }
  return { stayPaused: [...stayPaused] };
}

/** Removes what a restore that ends early has written, unless all of it is there. Idempotent. */
export async function abandonQueues(targets: readonly QueueTarget[], fence: RestoreFence): Promise<AbandonmentResult> {
  const left: QueueLeft[] = [];
  for (const { name, queue, isDeadLetters = false, ref, target } of targets) {
    fence.assertLeading();
    // oxlint-disable-next-line no-await-in-loop -- in turn
    const outcome = await withRedis(target, fence.signal, (access) =>
      redisInWords(queue, access, () =>
        abandonRestore(access.redis, ref, fence.restoreId, { beforeStep: fence.assertLeading }),
      ),
    );
    if (outcome !== 'done' && outcome !== 'gone') left.push({ name, queue, isDeadLetters });
  }
  return { left };
}
