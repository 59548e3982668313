import type { LostLetters, MoverRound } from '@redis-queue/bullmq';
import { counted, KEEP_FAILED_JOBS, type UpkeepNotice } from './duty.ts';

/** So long after the last loss it is still said: who mends it sees the condition go. */
export const LOSS_SAID_MS = 60 * 60_000;

/** That failed jobs were removed before they could become dead letters; undefined when none was lately. Pure. */
export function lostNotice({ lost, redisTimeMs, lastMs }: LostLetters): UpkeepNotice | undefined {
  if (lost === 0 || lastMs === undefined || redisTimeMs - lastMs >= LOSS_SAID_MS) return undefined;
  return {
    reason: 'DeadLettersLost',
    count: lost,
    message: `at least ${counted(lost, 'job')} failed for good and went before they could become dead letters, as removeOnFail asks; ${KEEP_FAILED_JOBS}`,
  };
}

/** As many events as BullMQ keeps: more is not found between two rounds, and the metric is of all queues together. */
const MOST_LOST = 10_000;

/**
 * How many jobs more are known to be lost than before. Pure.
 *
 * @param before the count when it was read last; undefined: by an earlier process, whose last count nobody knows. Of what
 * was found just now it is then known that it is one at least.
 */
export function newlyLost({ lost, redisTimeMs, lastMs }: LostLetters, before: number | undefined): number {
  if (before === undefined) return lost > 0 && lastMs === redisTimeMs ? 1 : 0;
  // Who removed the dead-letter queue removed the count.
  return Math.min(MOST_LOST, Math.max(0, lost - before));
}

/** That failed jobs are left where they are; undefined when none is. Pure. */
export function leftNotice({ failed, examined, left, leftIds }: MoverRound): UpkeepNotice | undefined {
  const flows = left.flowChild + left.flowParent;
  const count = flows + left.unreadable;
  if (count === 0) return undefined;
  const looked = examined < failed ? ` of ${examined} that were looked at` : '';
  const ids = leftIds.map((id) => JSON.stringify(id.slice(0, MOST_OF_ID))).join(', ');
  if (flows > 0) {
    return {
      reason: 'FlowJobsLeft',
      count,
      message: `${counted(flows, 'failed job')}${looked} belong to flows and stay where they are, since the flow may depend on them (${ids}); retry or remove them with BullMQ`,
    };
  }
  return {
    reason: 'FailedJobsUnreadable',
    count,
    message: `${counted(count, 'failed job')}${looked} are none that BullMQ failed, and stay where they are (${ids}); remove them`,
  };
}

/** Ids are a tenant's text of any length. */
const MOST_OF_ID = 60;
