import {
  QUEUE_BACKUP_REASONS,
  QUEUE_BACKUPS,
  type Condition,
  type QueueBackupReason,
  type QueueBackupStatus,
} from '@redis-queue/api';
import {
  findCondition,
  restoredUnfinished,
  RetryPace,
  type Kind,
  type RecordEvent,
  type StatusPace,
} from '@redis-queue/controller';
import type { BackupMetrics } from '../runs/metrics.ts';
import { compareStatus } from '../runs/compare-status.ts';
import { problemOfRun } from '../runs/failure.ts';
import { PROGRESS_EVERY_MS, waitMs } from '../runs/requeue.ts';
import { applyBackup, type BackupTools } from './apply.ts';
import { observeBackup } from './observe.ts';
import { queuesLeftOut } from './left-out-status.ts';
import { BACKUP_FINALIZER, planBackup } from './plan.ts';
import { backupStatus } from './status.ts';
import type { BackupObject, BackupPlan, ObservedBackup } from './steps.ts';

/** One whose time to live is over while a restore reads it is looked at again so often; the end of the restore wakes it. */
const READ_AGAIN_MS = 60_000;

export interface BackupKindOptions extends BackupTools {
  readonly metrics: BackupMetrics;
  /** Numbers that move wait for their turn. */
  readonly pace: StatusPace;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** What is particular to the QueueBackup kind. */
export function backupKind(
  options: BackupKindOptions,
): Kind<BackupObject, ObservedBackup, BackupPlan, QueueBackupReason> {
  const { sources, runs, metrics, pace, random = Math.random } = options;
  const retries = new RetryPace<BackupObject>();
  /** One that was not run has not failed. */
  const sawEnd = (namespace: string, status: QueueBackupStatus): void => {
    if (readyOf(status)?.reason !== 'RestoredByVelero') metrics.sawEnd(namespace, status);
  };
  return {
    name: 'queuebackup',
    type: QUEUE_BACKUPS,
    reasons: QUEUE_BACKUP_REASONS,
    finalizer: BACKUP_FINALIZER,
    memories: [runs, pace, retries],
    observe: (backup, { now, signal }) => observeBackup(backup, sources, options, { now: now(), signal }),
    plan: planBackup,
    apply: (backup, found, context) => applyBackup(backup, found, context, options),
    status: backupStatus,
    report(backup, { done }, { event }) {
      const { metadata, status } = backup;
      if (status) sawEnd(metadata.namespace ?? '', status);
      reportRemoval(backup, done, event);
    },
    statusDelayMs(backup, { observed }, status, nowMs) {
      if (observed.stage === 'outdated') return undefined;
      if (observed.stage === 'returning') return restoredUnfinished(backup, new Date(nowMs))?.statusWithinMs;
      const news = compareStatus(backup.status, status);
      if (news === 'none') return undefined;
      return news === 'news' ? 0 : pace.waitMs(backup, PROGRESS_EVERY_MS, nowMs);
    },
    statusWritten(backup, { observed: { stage, run } }, status, { nowMs, event }) {
      const { uid = '', namespace = '', deletionTimestamp } = backup.metadata;
      pace.wrote(uid, nowMs);
      if (deletionTimestamp !== undefined) return;
      if (stage === 'succeeded' && run?.phase === 'ended') {
        event('BackedUp', readyOf(status)?.message ?? '');
        const without = queuesLeftOut(status);
        if (without) event(without.reason, without.message);
        const { jobs = 0, storedBytes: bytes = 0 } = status;
        metrics.completed(namespace, { tookMs: run.end.tookMs, jobs });
        metrics.stored(namespace, bytes);
      }
      sawEnd(namespace, status);
      if (stage === 'failed' && run?.phase === 'ended' && !run.end.ok)
        metrics.failed(namespace, problemOfRun(run.end.error).reason);
      if (stage === 'late') metrics.failed(namespace, 'DeadlineExceeded');
      if (stage === 'succeeded' || stage === 'failed' || stage === 'late') runs.forget(uid);
    },
    requeueMs(backup, outcome, status, { nowMs }) {
      // It is gone, as the cache will show.
      if (outcome.done.some(({ kind }) => kind === 'delete')) return undefined;
      // It is reconciled once its run is forgotten.
      if (outcome.observed.stage === 'outdated') return undefined;
      const now = new Date(nowMs);
      const retryMs = outcome.problem ? retries.afterMs(backup, status, now, random()) : undefined;
      if (!outcome.problem && outcome.observed.readBy !== undefined) return READ_AGAIN_MS;
      return waitMs({ ...backup, status }, outcome.observed, { now, retryMs });
    },
  };
}

/** Events of a backup that goes, about what it has in the storage. */
export function reportRemoval(
  { metadata, status }: BackupObject,
  done: readonly { readonly kind: string; readonly dataRetained?: string }[],
  event: RecordEvent<QueueBackupReason>,
): void {
  if (metadata.deletionTimestamp === undefined) return;
  for (const step of done) {
    if (step.kind !== 'removeFinalizer') continue;
    if (step.dataRetained !== undefined) event('BackupRetained', step.dataRetained);
    else event('BackupRemoved', `${status?.location ?? 'what it had in the storage'} is removed`);
  }
}

function readyOf({ conditions }: QueueBackupStatus): Condition | undefined {
  return findCondition(conditions, 'Ready');
}
