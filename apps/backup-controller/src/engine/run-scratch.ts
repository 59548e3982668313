import { readRestorePhase, readServerMemory, removeScratch, serverOf, type QueueRef } from '@redis-queue/bullmq';
import { withRedis, type RunRedis } from '../access/redis.ts';
import { RunFailure } from '../runs/failure.ts';
import type { RestoreFence } from './restore-fence.ts';
import { redisInWords } from './failures.ts';
import type { QueueMove } from './moves.ts';
import { openSource } from './restore-source.ts';
import { compareAll, fillAll, type RestoreOptions, type RestoreResult } from './run-restore.ts';
import { roomProblem } from './scratch-room.ts';
import { takeBackAll, type TakeBackOptions } from './take-back.ts';
import type { QueueTarget } from './targets.ts';

export interface ScratchOptions extends RestoreOptions {
  /** What the spec allows it to take; absent: what there is. */
  readonly maxBytes?: number | undefined;
  /** Memory that a queue of the backup takes, as was estimated when it was checked. */
  readonly memoryOf: (name: string) => number;
}

/** What became of what a scratch restore had written: nothing is left of it. */
export interface RemovalResult {
  readonly removed: true;
}

/**
 * Writes queues of a backup that was checked under keys that nobody uses, and compares them. They stay there until
 * `removeScratchQueues`, but where Redis has no room for them: then they are removed at once.
 */
export async function runScratch(options: ScratchOptions): Promise<RestoreResult> {
  const { backup, moves } = await openSource(options);
  try {
    await checkRoom(moves, options);
    const restored = await fillAll(
      { backup, moves },
      {
        ...options,
        scratch: true,
        onPart: (move, access) => refuseWithoutRoom(move, access, { neededBytes: 0, totalBytes: 0 }),
      },
    );
    await compareAll(backup, moves, restored, options);
    return { restored };
  } catch (error) {
    // What fails here is done by the next run, or when the object ends.
    if (error instanceof RunFailure && TOO_FULL.has(error.reason))
      // Its own calls have all been answered.
      await removeScratchQueues(moves, { ...options, sleep: () => Promise.resolve() }).catch(() => undefined);
    throw error;
  }
}

/** What others would suffer by as well. */
const TOO_FULL: ReadonlySet<string> = new Set(['NoRoomForScratch', 'RedisOutOfMemory']);

/** Before anything is written. */
async function checkRoom(moves: readonly QueueMove[], options: ScratchOptions): Promise<void> {
  const totalBytes = moves.reduce((sum, { name }) => sum + options.memoryOf(name), 0);
  for (const ofServer of Map.groupBy(moves, ({ target }) => serverOf(target)).values()) {
    // oxlint-disable-next-line no-await-in-loop -- in turn
    await withRedis(ofServer[0]!.target, options.signal, async (access) => {
      let neededBytes = 0;
      for (const { queue, ref, name } of ofServer) {
        // oxlint-disable-next-line no-await-in-loop -- in turn
        const isUnderWay = await redisInWords(queue, access, () => goesOn(access.redis, ref, options));
        // What has begun had room before it did.
        if (!isUnderWay) neededBytes += options.memoryOf(name);
      }
      for (const move of ofServer)
        // oxlint-disable-next-line no-await-in-loop -- of a Redis Cluster each may lie on another server
        await refuseWithoutRoom(move, access, { neededBytes, totalBytes, maxBytes: options.maxBytes });
    });
  }
}

/** Whether an earlier run has begun with the queue. One that was removing it, for want of room, is finished first. */
async function goesOn(redis: RunRedis['redis'], ref: QueueRef, { restoreId, signal, assertLeading }: RestoreFence) {
  const phase = await readRestorePhase(redis, ref, restoreId);
  if (phase !== 'removing') return phase !== undefined;
  await removeScratch(redis, ref, restoreId, { signal, beforeStep: assertLeading });
  return false;
}

async function refuseWithoutRoom(
  { queue, ref }: QueueMove,
  access: RunRedis,
  room: Parameters<typeof roomProblem>[1],
): Promise<void> {
  const memory = await redisInWords(queue, access, () => readServerMemory(access.redis, ref));
  const problem = roomProblem(memory, room);
  if (problem) throw new RunFailure(problem);
}

/** Removes what a scratch restore has written, however far it came. Idempotent. */
export async function removeScratchQueues(
  targets: readonly QueueTarget[],
  fence: RestoreFence & TakeBackOptions,
): Promise<RemovalResult> {
  const { restoreId, signal, assertLeading } = fence;
  await takeBackAll(targets, fence, async ({ ref }, { redis }) => {
    const outcome = await removeScratch(redis, ref, restoreId, { signal, beforeStep: assertLeading });
    return outcome === 'gone' ? 'gone' : 'found';
  });
  return { removed: true };
}
