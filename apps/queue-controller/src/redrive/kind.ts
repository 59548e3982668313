import { QUEUE_REDRIVE_REASONS, QUEUE_REDRIVES, type QueueRedriveReason } from '@redis-queue/api';
import {
  findCondition,
  restoredUnfinished,
  RetryPace,
  soonestMs,
  spreadMs,
  type Kind,
  type StatusPace,
} from '@redis-queue/controller';
import { applyRedrive, type RedriveTools } from './apply.ts';
import type { RedriveLine } from './line.ts';
import { observeRedrive } from './observe.ts';
import { deletionDueMs, planRedrive } from './plan.ts';
import { hasEnded, type RedriveObject } from './redrives.ts';
import { compareStatus, redriveStatus } from './status.ts';
import type { ObservedRedrive, RedrivePlan } from './steps.ts';

/** How often numbers that move are written, per redrive. */
const PROGRESS_EVERY_MS = 2_000;
/** Whose turn comes is notified; this is for a notification that is lost with a process. */
const LINE_CHECK_MS = 60_000;
/** Timers of Node count no more than 24 days; one that has ended is looked at each day. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

export interface RedriveKindOptions extends RedriveTools {
  readonly line: RedriveLine;
  /** Numbers that move wait for their turn. */
  readonly pace: StatusPace;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** What is particular to the QueueRedrive kind. */
export function redriveKind(
  options: RedriveKindOptions,
): Kind<RedriveObject, ObservedRedrive, RedrivePlan, QueueRedriveReason> {
  const { sources, line, positions, metrics, pace, random = Math.random } = options;
  const retries = new RetryPace<RedriveObject>();
  return {
    name: 'queueredrive',
    type: QUEUE_REDRIVES,
    reasons: QUEUE_REDRIVE_REASONS,
    memories: [positions, pace, retries],
    observe: (redrive) => observeRedrive(redrive, sources, line),
    plan: (redrive, observed, now) => planRedrive(redrive, observed, sources.ownerOf, now),
    apply: (redrive, found, context) => applyRedrive(redrive, found, context, options),
    status: redriveStatus,
    statusDelayMs(redrive, _, status, nowMs) {
      const { statusWithinMs = 0 } = restoredUnfinished(redrive, new Date(nowMs)) ?? {};
      if (statusWithinMs > 0) return statusWithinMs;
      const news = compareStatus(redrive.status, status);
      if (news === 'none') return undefined;
      return news === 'news' ? 0 : pace.waitMs(redrive, PROGRESS_EVERY_MS, nowMs);
    },
    statusWritten(redrive, _, status, { nowMs, event }) {
      pace.wrote(redrive.metadata.uid ?? '', nowMs);
      if (hasEnded(redrive) || status.completionTime === undefined) return;
      const { reason, message = '' } = findCondition(status.conditions, 'Ready') ?? {};
      if (reason !== 'Redriven' && reason !== 'Counted' && reason !== 'FilterInvalid') return;
      metrics.ended(reason);
      // What went wrong has been said as a problem.
      if (reason !== 'FilterInvalid') event(reason, message);
    },
    requeueMs(redrive, { observed, problem, done }, status, { nowMs }) {
      // It is gone, as the cache will show.
      if (done.some(({ kind }) => kind === 'delete')) return undefined;
      if (status.completionTime !== undefined) {
        const dueMs = deletionDueMs({ ...redrive, status }, new Date(nowMs));
        return dueMs && Math.min(dueMs, LONGEST_WAIT_MS);
      }
      if (problem?.reason === 'Suspended') return undefined;
      if (problem?.reason === 'WaitingForRedrive') return spreadMs(LINE_CHECK_MS, random());
      if (observed.progress) return observed.progress.waitMs;
      return soonestMs([retries.afterMs(redrive, status, new Date(nowMs), random()), observed.probeAfterMs]);
    },
  };
}
