import { QUEUE_RESTORE_REASONS, QUEUE_RESTORES, type QueueRestoreReason } from '@redis-queue/api';
import { findCondition, RetryPace, StatusPace, type Kind } from '@redis-queue/controller';
import { compareStatus } from '../runs/compare-status.ts';
import { problemOfRun } from '../runs/failure.ts';
import type { RunMetrics } from '../runs/metrics.ts';
import { PROGRESS_EVERY_MS, waitMs } from '../runs/requeue.ts';
import { applyRestore, type RestoreTools } from './apply.ts';
import { observeRestore } from './observe.ts';
import { planRestore } from './plan.ts';
import { restoreStatus } from './status.ts';
import {
  holdsQueues,
  needsResumption,
  RestoreTask,
  type ObservedRestore,
  type RestoreObject,
  type RestorePlan,
} from './steps.ts';

export interface RestoreKindOptions extends RestoreTools {
  readonly metrics: RunMetrics;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** What is particular to the QueueRestore kind. */
export function restoreKind(
  options: RestoreKindOptions,
): Kind<RestoreObject, ObservedRestore, RestorePlan, QueueRestoreReason> {
  const { sources, runs, metrics, random = Math.random } = options;
  const pace = new StatusPace();
  const retries = new RetryPace<RestoreObject>();
  return {
    name: 'queuerestore',
    type: QUEUE_RESTORES,
    reasons: QUEUE_RESTORE_REASONS,
    memories: [runs, pace, retries],
    observe: (restore, { now, signal }) => observeRestore(restore, sources, runs, { now: now(), signal }),
    plan: planRestore,
    apply: (restore, found, context) => applyRestore(restore, found, context, options),
    status: restoreStatus,
    report({ metadata, spec, status }) {
      if (status?.phase === 'Completed' && !spec.dryRun)
        metrics.sawCompleted(metadata.namespace ?? '', status.completionTime);
    },
    statusDelayMs(restore, _, status, nowMs) {
      const news = compareStatus(restore.status, status);
      if (news === 'none') return undefined;
      return news === 'news' ? 0 : pace.waitMs(restore.metadata.uid ?? '', PROGRESS_EVERY_MS, nowMs);
    },
    statusWritten(restore, { observed: { stage, run } }, status, { nowMs, event }) {
      const { uid = '', namespace = '' } = restore.metadata;
      pace.wrote(uid, nowMs);
      if (run?.phase === 'ended' && run.end.ok) {
        const { reason, message } = findCondition(status.conditions, 'Ready') ?? {};
        // What goes on has been said as a problem.
        if (reason !== undefined && reason !== 'Resuming') event(reason as QueueRestoreReason, message ?? '');
        if (run.task === RestoreTask.restore && !restore.spec.dryRun) {
          metrics.completed(namespace, { tookMs: run.end.tookMs, jobs: status.jobs ?? 0 });
          metrics.sawCompleted(namespace, status.completionTime);
        }
      }
      if (stage === 'failed' && run?.phase === 'ended' && !run.end.ok)
        metrics.failed(namespace, problemOfRun(run.end.error).reason);
      if (stage === 'late') metrics.failed(namespace, 'DeadlineExceeded');
      if (run?.phase === 'ended' || stage === 'late') runs.forget(uid);
    },
    requeueMs(restore, outcome, status, { nowMs }) {
      // It is gone, as the cache will show.
      if (outcome.done.some(({ kind }) => kind === 'delete')) return undefined;
      const now = new Date(nowMs);
      const written = { ...restore, status };
      const retryMs = outcome.problem ? retries.afterMs(restore, status, now, random()) : undefined;
      const { run } = outcome.observed;
      if (needsResumption(written)) return run?.phase === 'ended' && run.end.ok ? 0 : retryMs;
      if (holdsQueues(written)) return undefined;
      return waitMs(written, outcome.observed, { now, retryMs });
    },
  };
}
