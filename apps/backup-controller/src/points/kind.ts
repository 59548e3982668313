import { QUEUE_BACKUP_REASONS, QUEUE_BACKUPS, type QueueBackupReason, type QueueBackupStatus } from '@redis-queue/api';
import { findCondition, RetryPace, retryAfterMs, type Kind, type StatusPace } from '@redis-queue/controller';
import { reportRemoval } from '../backups/kind.ts';
import { queuesLeftOut } from '../backups/left-out-status.ts';
import { BACKUP_FINALIZER } from '../backups/plan.ts';
import type { BackupObject } from '../backups/steps.ts';
import { compareStatus } from '../runs/compare-status.ts';
import { problemOfRun } from '../runs/failure.ts';
import { PROGRESS_EVERY_MS } from '../runs/requeue.ts';
import { applyPoints, type PointTools } from './apply.ts';
import { pointDueMs } from './chains.ts';
import type { PointMetrics } from './metrics.ts';
import { observePoints } from './observe.ts';
import { planPoints } from './plan.ts';
import { pointsStatus, takenOf, type PointsOutcome } from './status.ts';
import { hasPoints, retryDueMs, type ObservedPoints, type PointsPlan } from './steps.ts';

export interface PointsKindOptions extends PointTools {
  readonly metrics: PointMetrics;
  /** Numbers that move wait for their turn. */
  readonly pace: StatusPace;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** What is particular to QueueBackups with mode Incremental. */
export function pointsKind(
  options: PointsKindOptions,
): Kind<BackupObject, ObservedPoints, PointsPlan, QueueBackupReason> {
  const { runs, removals, digests, writes, metrics, pace, random = Math.random } = options;
  const retries = new RetryPace<BackupObject>();
  return {
    name: 'queuebackup',
    type: QUEUE_BACKUPS,
    reasons: QUEUE_BACKUP_REASONS,
    finalizer: BACKUP_FINALIZER,
    memories: [runs, removals, digests, writes, metrics, pace, retries],
    observe: (backup, { now, signal }) => observePoints(backup, options, { now: now(), signal }),
    plan: planPoints,
    apply: (backup, found, context) => applyPoints(backup, found, context, options),
    status: pointsStatus,
    report: (backup, { done }, { event }) => reportRemoval(backup, done, event),
    statusDelayMs(backup, { observed }, status, nowMs) {
      if (observed.stage === 'outdated') return undefined;
      const news = compareStatus(backup.status, status);
      if (news === 'none') return undefined;
      return news === 'news' ? 0 : pace.waitMs(backup, PROGRESS_EVERY_MS, nowMs);
    },
    statusWritten(backup, { observed, plan }, _, { nowMs, event }) {
      const { uid = '', deletionTimestamp } = backup.metadata;
      const { run, removal } = observed;
      pace.wrote(uid, nowMs);
      if (deletionTimestamp !== undefined) return;
      const taken = takenOf(observed);
      if (taken) {
        const storedBytes = taken.queues.reduce((sum, queue) => sum + queue.storedBytes, 0);
        metrics.taken(backup, { storedBytes, changed: taken.changed });
        if (!hasPoints(backup)) event('PointsTaken', `the first point is in ${taken.location}`);
        if (taken.broken !== undefined) {
          metrics.failed(backup, 'ChainBroken');
          event('ChainBroken', `a new chain was begun, since the one before cannot be added to: ${taken.broken}`);
        }
      }
      if (run?.phase === 'ended') {
        if (!run.end.ok) metrics.failed(backup, problemOfRun(run.end.error).reason);
        runs.forget(uid);
      }
      if (removal?.phase === 'ended' && removal.end.ok) removals.forget(uid);
      const before = findCondition(backup.status?.conditions, 'Degraded')?.reason;
      const trouble = plan.trouble ?? (taken && queuesLeftOut(taken));
      if (trouble && trouble.reason !== before) event(trouble.reason, trouble.message);
    },
    requeueMs(backup, outcome, status, { nowMs }) {
      metrics.observed(backup, status);
      return waitMs(backup, outcome, status, {
        now: new Date(nowMs),
        retryMs: (written) =>
          hasPoints(written)
            ? retryAfterMs(asReady(status), new Date(nowMs), random())
            : retries.afterMs(backup, status, new Date(nowMs), random()),
      });
    },
  };
}

/** Since when it has been degraded, as one that is not ready would have it: it is tried again at that pace. */
function asReady({ conditions = [] }: Pick<QueueBackupStatus, 'conditions'>): typeof conditions {
  const degraded = findCondition(conditions, 'Degraded');
  return degraded?.status === 'True' ? [{ ...degraded, type: 'Ready', status: 'False' }] : [];
}

/** After how many ms to reconcile again; undefined: when a run begins or ends. */
function waitMs(
  backup: BackupObject,
  { observed: { stage, run, problem } }: PointsOutcome,
  status: QueueBackupStatus,
  { now, retryMs }: { readonly now: Date; readonly retryMs: (written: BackupObject) => number },
): number | undefined {
  // It is reconciled once its run is forgotten.
  if (stage === 'outdated') return undefined;
  const written = { ...backup, status };
  const isLeaving = backup.metadata.deletionTimestamp !== undefined;
  if (run && run.phase !== 'ended')
    return run.phase === 'running' ? PROGRESS_EVERY_MS : isLeaving ? retryMs(written) : undefined;
  if (isLeaving || problem) return retryMs(written);
  switch (stage) {
    case 'failed':
    case 'backingOff':
      return retryDueMs(written, now);
    default:
      return pointDueMs(written, now);
  }
}
