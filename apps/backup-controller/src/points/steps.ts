import type { QueueBackup, QueueBackupReason } from '@redis-queue/api';
import type { Plan } from '@redis-queue/controller';
import type { StorageAccess } from '../access/storage-access.ts';
import {
  BackupTask,
  type BackupObject,
  type BackupPlan,
  type BackupStep,
  type Problem,
  type SelectedSources,
} from '../backups/steps.ts';
import type { RunProgress } from '../engine/progress.ts';
import type { NextPoint, PointResult } from '../engine/take-point.ts';
import { backoffDueMs, JOB_BACKOFF, type Backoff } from '../runs/run-objects.ts';
import type { Runs, RunState } from '../runs/runs.ts';
import { isInterrupted, isOutdated, type Stage } from '../runs/stage.ts';
import { chainsOf, nextPoint, pointDueMs } from './chains.ts';

// What planning starts from and ends with, of a QueueBackup with mode Incremental.

/** What runs do for it; a chain is removed beside the points that are taken, in a run of its own. */
export const PointTask = { point: 'point', removal: BackupTask.removal, chain: 'chain' } as const;

/** A point, and when it was. */
export interface TakenPoint extends PointResult {
  /** When it was begun, in Unix ms, by the clock of the controller. */
  readonly beganMs: number;
  /** From then to its end, with the wait for a place. */
  readonly lastedMs: number;
}

/** What a run comes to: a point, or that all of the backup was removed. */
export type PointRunResult = TakenPoint | 'removed';
export type PointRuns = Runs<RunProgress, PointRunResult>;
/** What a removal comes to: the number of the chain that is gone. */
export type ChainRemovals = Runs<RunProgress, number>;

export type PointStage =
  | Exclude<Stage, 'ended' | 'returning' | 'returned' | 'late' | 'postponed'>
  /** The next point is not due yet. */
  | 'resting';

export interface ObservedPoints {
  readonly stage: PointStage;
  readonly run?: RunState<RunProgress, PointRunResult> | undefined;
  readonly removal?: RunState<RunProgress, number> | undefined;
  /** What the next run takes. */
  readonly next: NextPoint;
  /** Number of a chain that is to be removed now. */
  readonly expired?: number | undefined;
  /** What a run needs that is to begin. */
  readonly storage?: StorageAccess;
  readonly selected?: SelectedSources;
  /** Why none can begin. */
  readonly problem?: Problem;
  /** Of one that is being deleted, a QueueRestore that still reads it. */
  readonly readBy?: string | undefined;
}

export type PointsStep = BackupStep | { readonly kind: 'removeChain'; readonly number: number };

export interface PointsPlan extends Plan<PointsStep, QueueBackupReason>, Pick<BackupPlan, 'isBlocked'> {
  /** What makes it serve worse while there are points to restore from. */
  readonly trouble?: Problem;
}

/** Whether it takes points until it is deleted. */
export function isIncremental({ spec }: Pick<QueueBackup, 'spec'>): boolean {
  return spec.mode === 'Incremental';
}

/** After an increment that failed. A full point reads everything again, so it is tried as a Job is. */
const INCREMENT_BACKOFF: Backoff = { firstMs: 1_000, longestMs: 60_000 };

/** In how many ms a point may be tried again after the last failure; 0: now. */
export function retryDueMs(backup: BackupObject, now: Date): number {
  const isFull = nextPoint(backup, now).point === 0;
  return backoffDueMs(backup, now, isFull ? JOB_BACKOFF : INCREMENT_BACKOFF);
}

export function stageOfPoints(
  backup: BackupObject,
  run: RunState<unknown, unknown> | undefined,
  now: Date,
): PointStage {
  if (run && isOutdated(run)) return 'outdated';
  if (run?.phase === 'ended' && run.end.ok) return 'succeeded';
  // One that was interrupted is begun again at once.
  if (run?.phase === 'ended') return isInterrupted(run) ? 'due' : 'failed';
  if (run) return run.phase;
  if (retryDueMs(backup, now) > 0) return 'backingOff';
  return pointDueMs(backup, now) > 0 ? 'resting' : 'due';
}

export function hasPoints(backup: Pick<QueueBackup, 'status'>): boolean {
  return chainsOf(backup).length > 0;
}
