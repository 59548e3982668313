import type { QueueRestore, QueueRestoreReason } from '@redis-queue/api';
import type { Plan, Problem as KindProblem, Resource } from '@redis-queue/controller';
import type { StorageAccess } from '../access/storage-access.ts';
import type { RestoreResult, ResumptionResult } from '../engine/run-restore.ts';
import type { RunProgress } from '../engine/take-backup.ts';
import type { QueueTarget } from '../engine/targets.ts';
import type { Runs, RunState } from '../runs/runs.ts';
import { hasEnded } from '../runs/run-objects.ts';
import { stageOf, type Stage } from '../runs/stage.ts';

// What planning starts from and ends with.

/** A QueueRestore as caches and the API server give it. */
export type RestoreObject = QueueRestore & Resource;

export type Problem = KindProblem<QueueRestoreReason>;

export type RestoreRunResult = RestoreResult | ResumptionResult;
export type RestoreRuns = Runs<RunProgress, RestoreRunResult>;

/**
 * What runs do for a QueueRestore. A restore ends with its queues held, and they are resumed by a run of its own once the
 * status says that they were verified: what is resumed has jobs of its own soon, and could not be told from a queue that
 * was not empty by who begins again after a crash.
 */
export const RestoreTask = { restore: 'restore', resumption: 'resumption' } as const;

/** A backup in its storage. */
export interface BackupPlace {
  readonly storage: StorageAccess;
  readonly directory: string;
  /** What the status of its QueueBackup has; absent: nobody knows. */
  readonly manifestSha256?: string;
}

export interface ObservedRestore {
  readonly stage: Stage;
  readonly run?: RunState<RunProgress, RestoreRunResult> | undefined;
  /** What a run needs that is to begin: of a restore where the backup is, of a resumption which queues. */
  readonly backup?: BackupPlace;
  readonly targets?: readonly QueueTarget[];
  /** Why none can begin. */
  readonly problem?: Problem;
}

export type RestoreStep =
  | { readonly kind: 'delete' }
  | { readonly kind: 'begin' }
  /** Has workers start jobs in queues that were restored and kept paused. */
  | { readonly kind: 'resume' }
  | { readonly kind: 'abort'; readonly why: string }
  /** So that the next reconcile begins another. */
  | { readonly kind: 'forgetRun' };

export type RestorePlan = Plan<RestoreStep, QueueRestoreReason>;

/** Whether its queues are to be resumed once they are verified. */
export function resumes({ spec }: QueueRestore): boolean {
  return spec.resume && !spec.dryRun;
}

/** Whether its queues are verified and held, until spec.resume is true: such an object is not deleted by its time to live. */
export function holdsQueues({ spec, status }: QueueRestore): boolean {
  return status?.verifiedAt !== undefined && status.resumedAt === undefined && !spec.dryRun;
}

/** Whether its queues are to be resumed now. */
export function needsResumption(restore: QueueRestore): boolean {
  return holdsQueues(restore) && resumes(restore);
}

export function stageOfRestore(
  restore: RestoreObject,
  run: RunState<RunProgress, RestoreRunResult> | undefined,
  now: Date,
): Stage {
  if (hasEnded(restore)) return 'ended';
  const isDone = run?.phase === 'ended' && run.end.ok;
  if (isDone && run.task === RestoreTask.restore) return resumes(restore) ? 'running' : 'succeeded';
  if (isDone) return 'succeeded';
  if (restore.status?.verifiedAt !== undefined) return resumes(restore) ? 'running' : 'succeeded';
  return stageOf(restore, run, now);
}
