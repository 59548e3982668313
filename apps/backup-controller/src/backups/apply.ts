import { QUEUE_BACKUPS, type QueueBackupReason } from '@redis-queue/api';
import { keyOf, type Applied, type KindContext } from '@redis-queue/controller';
import { withStorage } from '../access/open-storage.ts';
import type { Sources } from '../access/sources.ts';
import type { StorageAccess } from '../access/storage-access.ts';
import { inWords } from '../engine/failures.ts';
import { removeAttempts, takeBackup } from '../engine/take-backup.ts';
import type { RunProgress } from '../engine/progress.ts';
import { applyRunSteps, type RunStep } from '../runs/apply-run-steps.ts';
import type { Runs } from '../runs/runs.ts';
import { stageOf } from '../runs/stage.ts';
import { folderOf } from './files.ts';
import { planBackup } from './plan.ts';
import {
  BackupTask,
  type BackupObject,
  type BackupPlan,
  type BackupRuns,
  type BackupStep,
  type ObservedBackup,
} from './steps.ts';

/** What a step needs beside the object. */
export interface BackupTools {
  readonly sources: Sources;
  readonly runs: BackupRuns;
  /** Names an attempt as no other is named. */
  readonly nameAttempt: (now: Date) => string;
}

/** Carries a backup's plan out. A run is only begun; it goes on by itself. */
export async function applyBackup(
  backup: BackupObject,
  { observed, plan }: { readonly observed: ObservedBackup; readonly plan: BackupPlan },
  context: KindContext<QueueBackupReason>,
  tools: BackupTools,
): Promise<Applied<ObservedBackup, BackupPlan, QueueBackupReason>> {
  const { now } = context;
  return await applyRunSteps(backup, plan, context, {
    type: QUEUE_BACKUPS,
    runs: tools.runs,
    begin(step: Exclude<BackupStep, RunStep>) {
      if (step.kind === 'begin') beginBackup(backup, observed, now(), tools);
      else beginRemoval(backup, observed, tools);
      return true;
    },
    observeAgain(run: ObservedBackup['run']) {
      const found = { ...observed, run, stage: stageOf(backup, run, now()) };
      return { observed: found, plan: planBackup(backup, found, now()) };
    },
  });
}

function beginBackup(
  backup: BackupObject,
  { storage: access, queues = [] }: ObservedBackup,
  now: Date,
  tools: BackupTools,
): void {
  const { namespace, name, uid = '' } = backup.metadata;
  if (!access) throw new Error(`QueueBackup ${name} begins without a storage`);
  tools.runs.begin({ uid, key: keyOf(backup), task: BackupTask.backup }, (context) =>
    inWords(() =>
      withStorage(access, (storage) =>
        takeBackup({
          ...context,
          storage,
          base: baseOf(backup, access),
          attempt: tools.nameAttempt(now),
          backupId: uid,
          createdAt: now,
          openKey: access.openKey,
          about: { namespace, name, uid },
          queues,
          jobsPerSecond: backup.spec.jobsPerSecond,
          assertLeading: tools.sources.assertLeading,
        }),
      ),
    ),
  );
}

/** Removes all that a backup has in its storage. */
export function beginRemoval<R>(
  backup: BackupObject,
  { storage: access }: Pick<ObservedBackup, 'storage'>,
  { runs, sources }: Pick<BackupTools, 'sources'> & { readonly runs: Runs<RunProgress, R | 'removed'> },
): void {
  const { name, uid = '' } = backup.metadata;
  if (!access) throw new Error(`the removal of QueueBackup ${name} begins without a storage`);
  runs.begin({ uid, key: keyOf(backup), task: BackupTask.removal, isCleanup: true }, ({ signal }) =>
    inWords(() =>
      withStorage(access, async (storage) => {
        await removeAttempts(storage, baseOf(backup, access), { signal, assertLeading: sources.assertLeading });
        return 'removed' as const;
      }),
    ),
  );
}

/** Where all of a backup lies, with a slash at its end. */
export function baseOf(backup: BackupObject, { namespacePath }: StorageAccess): string {
  return `${namespacePath}${folderOf(backup)}/`;
}
