import { GROUP, type QueueRestore, type QueueRestoreReason } from '@redis-queue/api';
import { RestoreIncompleteError } from '@redis-queue/bullmq';
import {
  hasFinalizer,
  hasStatusOfAnother,
  restoredUnfinished,
  type Plan,
  type Problem as KindProblem,
  type Resource,
} from '@redis-queue/controller';
import type { StorageAccess } from '../access/storage-access.ts';
import type { CheckResult } from '../engine/check-restore.ts';
import type { AbandonmentResult, ResumptionResult } from '../engine/end-restore.ts';
import type { ChainPlace } from '../engine/find-point.ts';
import type { RestoreResult } from '../engine/run-restore.ts';
import type { RemovalResult } from '../engine/run-scratch.ts';
import type { RunProgress } from '../engine/progress.ts';
import type { QueueTarget } from '../engine/targets.ts';
import { RunFailure } from '../runs/failure.ts';
import { deadlineDueMs, hasEnded } from '../runs/run-objects.ts';
import type { RunStep } from '../runs/apply-run-steps.ts';
import type { Runs, RunState } from '../runs/runs.ts';
import { isOutdated, stageOf, type Stage } from '../runs/stage.ts';

// What planning starts from and ends with.

/** A QueueRestore as caches and the API server give it. */
export type RestoreObject = QueueRestore & Resource;

export type Problem = KindProblem<QueueRestoreReason>;

export type RestoreRunResult = CheckResult | RestoreResult | ResumptionResult | AbandonmentResult | RemovalResult;
export type RestoreRuns = Runs<RunProgress, RestoreRunResult>;
export type RestoreRun = RunState<RunProgress, RestoreRunResult>;

/**
 * What runs do for a QueueRestore, one after the other; what each has found out is in the status before the next begins,
 * so that a crash between them forgets nothing. `check` names the queues before the first is written to. `restore` ends
 * with them held, and `resumption` is a run of its own: what is resumed has jobs of its own soon, and could not be told
 * from a queue that was not empty by who begins again. `abandonment` removes what one has written that ends early, and
 * `removal` what a scratch restore has that was verified.
 */
export const RestoreTask = {
  check: 'check',
  restore: 'restore',
  resumption: 'resumption',
  abandonment: 'abandonment',
  removal: 'removal',
} as const;

/** Held from before the first write to Redis until the queues are resumed, or what was written is removed. */
export const RESTORE_FINALIZER = `${GROUP}/restored-jobs`;

/** A backup in its storage. */
export interface BackupPlace {
  readonly storage: StorageAccess;
  readonly directory: string;
  /** What its manifest has to be; absent: nobody knows. */
  readonly manifestSha256?: string;
  /** Unix ms: the point of this time in its chain is restored. Absent: the backup itself. */
  readonly atMs?: number;
  /** Of the chain before: where it is, if that of the time has none that is old enough. */
  readonly older?: ChainPlace;
}

export interface ObservedRestore {
  readonly stage: Stage;
  readonly run?: RestoreRun | undefined;
  /** What a run needs that is to begin: to check or restore, where the backup is; else which queues. */
  readonly backup?: BackupPlace;
  readonly targets?: readonly QueueTarget[];
  /** Why none can begin. */
  readonly problem?: Problem;
}

export type RestoreStep =
  | RunStep
  /** Reads the backup. */
  | { readonly kind: 'check' }
  | { readonly kind: 'restore' }
  /** Has workers start jobs in queues that were restored and held. */
  | { readonly kind: 'resume' }
  /** Removes what was written, of a restore that ended early. */
  | { readonly kind: 'abandon' }
  /** The same of a scratch restore that was verified. */
  | { readonly kind: 'removeScratch' };

export interface RestorePlan extends Plan<RestoreStep, QueueRestoreReason> {
  /** Something stands in the way of what takes it back; the status says since when. */
  readonly isBlocked?: boolean;
}

/** Whether its queues are to be resumed once they are verified. */
export function resumes({ spec }: QueueRestore): boolean {
  return spec.resume && !spec.dryRun && !spec.scratch;
}

/** Whether its queues are verified and held, until spec.resume is true: such an object is not deleted by its time to live. */
export function holdsQueues({ spec, status }: QueueRestore): boolean {
  return status?.verifiedAt !== undefined && status.resumedAt === undefined && !spec.dryRun && !spec.scratch;
}

/** Whether its queues are to be resumed now. */
export function needsResumption(restore: QueueRestore): boolean {
  return (
    holdsQueues(restore) && resumes(restore) && restore.metadata.deletionTimestamp === undefined && !isCopy(restore)
  );
}

/** Whether Redis has lost part of what was verified, so that it is written again. */
export function needsRewriting(restore: QueueRestore): boolean {
  return (
    holdsQueues(restore) &&
    restore.status?.lostAt !== undefined &&
    restore.metadata.deletionTimestamp === undefined &&
    !isCopy(restore)
  );
}

/** Whether a resumption has found out that this is so. */
export function hasFoundLoss(run: RestoreRun | undefined): boolean {
  if (run?.phase !== 'ended' || run.end.ok || run.task !== RestoreTask.resumption) return false;
  return run.end.error instanceof RunFailure && run.end.error.cause instanceof RestoreIncompleteError;
}

/** Whether its status is that of another object, which alone could resume the queues that it holds. */
export function isCopy(restore: QueueRestore): boolean {
  return hasStatusOfAnother(restore);
}

/** Whether it is a scratch restore that was verified, and has not been removed. */
export function needsRemoval(restore: QueueRestore): boolean {
  const { metadata, spec, status } = restore;
  if (!spec.scratch || status?.verifiedAt === undefined) return false;
  return !hasEnded(restore) && metadata.deletionTimestamp === undefined;
}

/** Whether it has ended and is held by its finalizer, though nothing in Redis is its own any more. */
export function needsRelease(restore: RestoreObject): boolean {
  return hasEnded(restore) && hasFinalizer(restore, RESTORE_FINALIZER) && !holdsQueues(restore);
}

/** Whether it ended early, and what it has written is to be removed. */
export function needsAbandonment(restore: RestoreObject): boolean {
  if (!hasFinalizer(restore, RESTORE_FINALIZER)) return false;
  return restore.metadata.deletionTimestamp !== undefined || restore.status?.phase === 'Failed';
}

export function stageOfRestore(restore: RestoreObject, run: RestoreRun | undefined, now: Date): Stage {
  if (run && isOutdated(run)) return 'outdated';
  if (hasEnded(restore)) return 'ended';
  if (restoredUnfinished(restore, now)) return stageOf(restore, run, now);
  if (restore.spec.scratch) return stageOfScratch(restore, run, now);
  const { checkedAt, verifiedAt } = restore.status ?? {};
  if (run?.phase === 'ended' && run.end.ok) {
    // What was found out is in the status before the next run begins.
    if (run.task === RestoreTask.check) return restore.spec.dryRun ? 'succeeded' : 'running';
    if (run.task === RestoreTask.restore) return resumes(restore) ? 'running' : 'succeeded';
    return 'succeeded';
  }
  if (verifiedAt !== undefined) return resumes(restore) ? 'running' : 'succeeded';
  if (checkedAt !== undefined && restore.spec.dryRun) return 'succeeded';
  return stageOf(restore, run, now);
}

/** It has succeeded once nothing of it is left. */
function stageOfScratch(restore: RestoreObject, run: RestoreRun | undefined, now: Date): Stage {
  if (run?.phase === 'ended' && run.end.ok) return run.task === RestoreTask.removal ? 'succeeded' : 'running';
  if (!needsRemoval(restore)) return stageOf(restore, run, now);
  return deadlineDueMs(restore, now) === 0 ? 'late' : 'running';
}
