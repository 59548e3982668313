import type { QueueBackup, QueueBackupReason } from '@redis-queue/api';
import type { Plan, Problem as KindProblem, Resource } from '@redis-queue/controller';
import type { StorageAccess } from '../access/storage-access.ts';
import type { QueueLeftOut } from '../engine/left-out.ts';
import type { RunProgress } from '../engine/progress.ts';
import type { QueueSource } from '../engine/read-queue.ts';
import type { BackupResult } from '../engine/write-backup.ts';
import type { RunStep } from '../runs/apply-run-steps.ts';
import type { Runs, RunState } from '../runs/runs.ts';
import type { Stage } from '../runs/stage.ts';

// What planning starts from and ends with.

/** A QueueBackup as caches and the API server give it. */
export type BackupObject = QueueBackup & Resource;

export type Problem = KindProblem<QueueBackupReason>;

/** What a run comes to: a backup, or that it was removed. */
export type BackupRunResult = BackupResult | 'removed';
export type BackupRuns = Runs<RunProgress, BackupRunResult>;

/** What runs do for a QueueBackup. */
export const BackupTask = { backup: 'backup', removal: 'removal' } as const;

/** The queues that a backup is to have. */
export interface SelectedSources {
  /** Those to read: a queue, then its dead letters where they go along. */
  readonly queues: readonly QueueSource[];
  /** Those to whose Redis there is no way, with the reason. */
  readonly unresolved: readonly QueueLeftOut[];
}

export interface ObservedBackup {
  readonly stage: Stage;
  readonly run?: RunState<RunProgress, BackupRunResult> | undefined;
  /** What a run needs that is to begin. */
  readonly storage?: StorageAccess;
  readonly selected?: SelectedSources;
  /** Why none can begin. */
  readonly problem?: Problem;
  /** Of one that is to go, a QueueRestore that still reads it. */
  readonly readBy?: string | undefined;
}

export type BackupStep =
  | RunStep
  | { readonly kind: 'begin' }
  /** Removes what is in the storage. */
  | { readonly kind: 'remove' };

export interface BackupPlan extends Plan<BackupStep, QueueBackupReason> {
  /** Something stands in the way of its removal; the status says since when. */
  readonly isBlocked?: boolean;
}
