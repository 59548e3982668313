import {
  QUEUE_RESTORE_REASONS,
  QUEUE_RESTORES,
  type QueueRestoreReason,
  type QueueRestoreStatus,
} from '@redis-queue/api';
import { findCondition, restoredUnfinished, RetryPace, type Kind, type StatusPace } from '@redis-queue/controller';
import { compareStatus } from '../runs/compare-status.ts';
import { problemOfRun } from '../runs/failure.ts';
import type { RunMetrics } from '../runs/metrics.ts';
import { PROGRESS_EVERY_MS, waitMs } from '../runs/requeue.ts';
import { hasEnded } from '../runs/run-objects.ts';
import { applyRestore, type RestoreTools } from './apply.ts';
import { observeRestore } from './observe.ts';
import { planRestore } from './plan.ts';
import { restoreStatus } from './status.ts';
import {
  holdsQueues,
  needsAbandonment,
  needsRelease,
  needsRemoval,
  needsResumption,
  needsRewriting,
  RESTORE_FINALIZER,
  RestoreTask,
  type ObservedRestore,
  type RestoreObject,
  type RestorePlan,
  type RestoreRun,
} from './steps.ts';

export interface RestoreKindOptions extends RestoreTools {
  readonly metrics: RunMetrics;
  /** Numbers that move wait for their turn. */
  readonly pace: StatusPace;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** What is particular to the QueueRestore kind. */
export function restoreKind(
  options: RestoreKindOptions,
): Kind<RestoreObject, ObservedRestore, RestorePlan, QueueRestoreReason> {
  const { sources, runs, metrics, pace, random = Math.random } = options;
  const retries = new RetryPace<RestoreObject>();
  /** One that was not run has not failed. */
  const sawEnd = (namespace: string, status: QueueRestoreStatus): void => {
    const { reason } = findCondition(status.conditions, 'Ready') ?? {};
    if (reason !== 'RestoredByVelero') metrics.sawEnd(namespace, status);
  };
  return {
    name: 'queuerestore',
    type: QUEUE_RESTORES,
    reasons: QUEUE_RESTORE_REASONS,
    finalizer: RESTORE_FINALIZER,
    memories: [runs, pace, retries],
    observe: (restore, { now, signal }) => observeRestore(restore, sources, runs, { now: now(), signal }),
    plan: planRestore,
    apply: (restore, found, context) => applyRestore(restore, found, context, options),
    status: restoreStatus,
    report({ metadata, spec, status }, { done }, { event }) {
      for (const step of done) {
        const isOver = status?.resumedAt !== undefined || status?.removedAt !== undefined;
        if (step.kind !== 'removeFinalizer' || isOver) continue;
        if (step.dataRetained !== undefined) event('RestoreLeft', step.dataRetained);
        else event('RestoreAbandoned', 'what the restore had written is removed');
      }
      if (status && !spec.dryRun) sawEnd(metadata.namespace ?? '', status);
    },
    statusDelayMs(restore, { observed }, status, nowMs) {
      if (observed.stage === 'outdated') return undefined;
      if (observed.stage === 'returning') return restoredUnfinished(restore, new Date(nowMs))?.statusWithinMs;
      const news = compareStatus(restore.status, status);
      if (news === 'none') return undefined;
      return news === 'news' ? 0 : pace.waitMs(restore, PROGRESS_EVERY_MS, nowMs);
    },
    statusWritten(restore, { observed: { stage, run } }, status, { nowMs, event }) {
      const { uid = '', namespace = '' } = restore.metadata;
      pace.wrote(uid, nowMs);
      if (run?.phase === 'ended' && run.end.ok) {
        const { reason, message } = findCondition(status.conditions, 'Ready') ?? {};
        const isSaid = UNDER_WAY.has(reason ?? '') || run.task === RestoreTask.abandonment;
        if (reason !== undefined && !isSaid) event(reason as QueueRestoreReason, message ?? '');
        if (run.task === RestoreTask.restore) {
          metrics.completed(namespace, { tookMs: run.end.tookMs, jobs: status.jobs ?? 0 });
        }
      }
      if (!restore.spec.dryRun) sawEnd(namespace, status);
      if (stage === 'failed' && run?.phase === 'ended' && !run.end.ok)
        metrics.failed(namespace, problemOfRun(run.end.error).reason);
      if (stage === 'late') metrics.failed(namespace, 'DeadlineExceeded');
      const isAbandoned = run?.task === RestoreTask.abandonment;
      if ((run?.phase === 'ended' && !isAbandoned) || stage === 'late') runs.forget(uid);
    },
    requeueMs(restore, outcome, status, { nowMs }) {
      const isDone = (kind: string): boolean => outcome.done.some((step) => step.kind === kind);
      // It is gone, as the cache will show.
      if (isDone('delete')) return undefined;
      // It is reconciled once its run is forgotten.
      if (outcome.observed.stage === 'outdated') return undefined;
      const now = new Date(nowMs);
      const written = { ...restore, status };
      const retryMs = outcome.problem ? retries.afterMs(restore, status, now, random()) : undefined;
      const { run } = outcome.observed;
      if (needsAbandonment(written)) return abandonmentWaitMs(run, retries.afterMs(restore, status, now, random()));
      if (needsRelease(written) && !isDone('removeFinalizer')) return 0;
      // The next run begins once the status says what this one found out.
      if (!hasEnded(written) && run?.phase === 'ended' && run.end.ok) return 0;
      if (needsResumption(written) || needsRewriting(written) || needsRemoval(written))
        return run?.phase === 'ended' && run.end.ok ? 0 : retryMs;
      if (holdsQueues(written)) return undefined;
      return waitMs(written, outcome.observed, { now, retryMs });
    },
  };
}

const UNDER_WAY: ReadonlySet<string> = new Set(['Restoring', 'Resuming', 'RemovingScratch']);

/** A run says itself when it ends; one that waits for a place is given up after a while. */
function abandonmentWaitMs(run: RestoreRun | undefined, retryMs: number): number | undefined {
  if (run && run.phase !== 'ended') return run.phase === 'waiting' ? retryMs : undefined;
  return run?.task === RestoreTask.abandonment && !run.end.ok ? retryMs : 0;
}
