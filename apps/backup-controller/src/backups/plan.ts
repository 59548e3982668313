import { GROUP } from '@redis-queue/api';
import { hasFinalizer, type FinalizerStep } from '@redis-queue/controller';
import { problemOfRun } from '../runs/failure.ts';
import { blockedMs, PLACE_PATIENCE_MS, REMOVAL_PATIENCE_MS } from '../runs/patience.ts';
import { deletionDueMs } from '../runs/run-objects.ts';
import type { RunState } from '../runs/runs.ts';
import { problemOfStage, WAITING_FOR_PLACE } from '../runs/stage.ts';
import { filesOfAnother, folderOf } from './files.ts';
import {
  BackupTask,
  type BackupObject,
  type BackupPlan,
  type BackupStep,
  type ObservedBackup,
  type Problem,
} from './steps.ts';

/** Held while deletionPolicy is Delete, until what is in the storage is removed. */
export const BACKUP_FINALIZER = `${GROUP}/backup-data`;

/** What is to be done for a backup now. Pure. The finalizer comes before the first byte in the storage. */
export function planBackup(backup: BackupObject, observed: ObservedBackup, now: Date): BackupPlan {
  if (observed.stage === 'outdated') return { steps: [] };
  if (backup.metadata.deletionTimestamp !== undefined) return planRemoval(backup, observed, now);
  const { stage, run } = observed;
  const finalizer = planFinalizer(backup);
  switch (stage) {
    case 'ended':
      return {
        steps: [
          ...finalizer,
          ...(deletionDueMs(backup, now) === 0 && observed.readBy === undefined ? [{ kind: 'delete' } as const] : []),
        ],
      };
    case 'succeeded':
      return { steps: finalizer };
    case 'returning':
      return { steps: [] };
    case 'running':
      return { steps: finalizer, problem: BACKING_UP };
    case 'due':
      if (observed.problem) return { steps: unlessNew(finalizer), problem: observed.problem };
      return { steps: [...finalizer, { kind: 'begin' }], problem: BACKING_UP };
    default: {
      const problem = problemOfStage<Problem['reason']>(backup, stage, run, now);
      // One that was late before it could begin has written nothing.
      const held = stage === 'late' && !run && (backup.status?.failures ?? 0) === 0 ? unlessNew(finalizer) : finalizer;
      const late = stage === 'late' ? [{ kind: 'abort', why: 'its deadline passed' } as const] : [];
      return { steps: [...held, ...late], ...(problem && { problem }) };
    }
  }
}

/** Without numbers that move: those have fields of their own. */
export const BACKING_UP: Problem = {
  reason: 'BackingUp',
  message: 'jobs are being read and written to the storage; status.progress says how far it is',
};
const REMOVING: Problem = { reason: 'RemovingBackup', message: 'what the backup has in the storage is being removed' };

/** So that what is in the storage goes with an object whose policy is Delete. */
export function planFinalizer({ metadata, spec }: BackupObject): FinalizerStep[] {
  const held = hasFinalizer({ apiVersion: '', kind: '', metadata }, BACKUP_FINALIZER);
  if (spec.deletionPolicy === 'Delete') return held ? [] : [{ kind: 'addFinalizer' }];
  return held ? [{ kind: 'removeFinalizer' }] : [];
}

/** For one that cannot begin: nothing is to be removed yet of one that has no finalizer, so that it needs none. */
export function unlessNew(finalizer: readonly FinalizerStep[]): FinalizerStep[] {
  return finalizer.filter(({ kind }) => kind !== 'addFinalizer');
}

/** What the removal of a backup depends on. */
interface Removal {
  readonly run?: RunState<unknown, unknown> | undefined;
  readonly problem?: Problem;
  readonly readBy?: string | undefined;
}

/** Of an object that is being deleted and has our finalizer. */
export function planRemoval(backup: BackupObject, { run, problem, readBy }: Removal, now: Date): BackupPlan {
  if (backup.spec.deletionPolicy !== 'Delete') return { steps: [{ kind: 'removeFinalizer' }] };
  const ofAnother = filesOfAnother(backup, now);
  if (ofAnother !== undefined) return { steps: [{ kind: 'removeFinalizer', dataRetained: retainedAt(ofAnother) }] };
  if (run && run.phase !== 'ended') {
    if (run.task !== BackupTask.removal)
      return { steps: [{ kind: 'abort', why: 'the object is deleted' }], problem: REMOVING };
    if (run.phase === 'waiting')
      return waitOrGiveUp(backup, { problem: WAITING_FOR_PLACE, mostMs: PLACE_PATIENCE_MS }, now);
    return { steps: [], problem: REMOVING };
  }
  if (run?.task === BackupTask.removal) {
    if (run.end.ok) return { steps: [{ kind: 'removeFinalizer' }] };
    return waitOrGiveUp(backup, { steps: FORGET, problem: problemOfRun(run.end.error) as Problem }, now);
  }
  if (readBy !== undefined) return { steps: [], problem: readByRestore(readBy) };
  if (problem) return waitOrGiveUp(backup, { steps: FORGET, problem }, now);
  return { steps: [{ kind: 'remove' }], problem: REMOVING };
}

function readByRestore(restore: string): Problem {
  return {
    reason: 'ReadByRestore',
    message: `QueueRestore ${restore} reads the backup, which is removed from the storage once that has ended; wait for it, or delete it`,
  };
}

function retainedAt(where: string): string {
  return `${where}: another object has written it, of which this one is a copy; remove it there once no other needs it`;
}

const FORGET: readonly BackupStep[] = [{ kind: 'forgetRun' }];

/** What stands in the way of a removal. */
interface Obstacle {
  readonly problem: Problem;
  readonly steps?: readonly BackupStep[];
  readonly mostMs?: number;
}

/** For so long whatever stands in the way of its removal, since that was seen first. */
function waitOrGiveUp(
  backup: BackupObject,
  { problem, steps = [], mostMs = REMOVAL_PATIENCE_MS }: Obstacle,
  now: Date,
): BackupPlan {
  if (blockedMs(backup, now) < mostMs) return { steps, problem, isBlocked: true };
  const where = backup.status?.location ?? `the storage of spec.storage, in a folder named ${folderOf(backup)}`;
  return { steps: [{ kind: 'removeFinalizer', dataRetained: `${where}: ${problem.message}` }] };
}
