import { QUEUE_BACKUPS, type QueueBackupReason } from '@redis-queue/api';
import type { Applied, KindContext } from '@redis-queue/controller';
import { withStorage } from '../access/open-storage.ts';
import type { Sources } from '../access/sources.ts';
import type { StorageAccess } from '../access/storage-access.ts';
import { inWords } from '../engine/failures.ts';
import { removeAttempts, takeBackup } from '../engine/take-backup.ts';
import type { RunProgress } from '../engine/progress.ts';
import { applyRunSteps, type RunStep } from '../runs/apply-run-steps.ts';
import { waitsForQueues } from '../runs/patience.ts';
import { lookAgain, ofRun, type LookAgainOptions, type ObjectOfRun } from '../runs/look-again.ts';
import { NO_RUNS, type Runs } from '../runs/runs.ts';
import { stageOf } from '../runs/stage.ts';
import { folderOf } from './files.ts';
import { observeBackup, type KnownToBackups } from './observe.ts';
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
export interface BackupTools extends Pick<KnownToBackups, 'readers'> {
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
  const { client, now } = context;
  return await applyRunSteps(backup, plan, context, {
    type: QUEUE_BACKUPS,
    runs: tools.runs,
    begin(step: Exclude<BackupStep, RunStep>) {
      const look = lookAtBackup(tools, { client, now });
      if (step.kind === 'begin') beginBackup(ofRun(backup), look, { ...tools, now });
      else beginRemoval(ofRun(backup), look, tools);
      return true;
    },
    observeAgain(run: ObservedBackup['run']) {
      const found = { ...observed, run, stage: stageOf(backup, run, now()) };
      return { observed: found, plan: planBackup(backup, found, now()) };
    },
  });
}

/** The object anew, and what a run of it needs. */
type Look<O> = LookAgainOptions<BackupObject, O>;

function lookAtBackup(
  { sources, readers }: BackupTools,
  { client, now }: Pick<KindContext<QueueBackupReason>, 'client' | 'now'>,
): Look<ObservedBackup> {
  return {
    client,
    type: QUEUE_BACKUPS,
    observe: (backup, signal) => observeBackup(backup, sources, { runs: NO_RUNS, readers }, { now: now(), signal }),
    plan: (backup, observed) => planBackup(backup, observed, now()),
  };
}

function beginBackup(
  of: ObjectOfRun,
  look: Look<ObservedBackup>,
  { runs, sources, nameAttempt, now }: BackupTools & Pick<KindContext<QueueBackupReason>, 'now'>,
): void {
  runs.begin({ ...of, task: BackupTask.backup, purpose: 'backup' }, (context) =>
    inWords(async () => {
      const { object: backup, observed } = await lookAgain(of, 'begin', context.signal, look);
      const { storage: access, selected } = observed;
      const { namespace, name, uid = '' } = backup.metadata;
      if (!access || !selected) throw new Error(`QueueBackup ${name} begins without a storage or queues`);
      const createdAt = now();
      return await withStorage(access, (storage) =>
        takeBackup({
          ...context,
          storage,
          base: baseOf(backup, access),
          attempt: nameAttempt(createdAt),
          backupId: uid,
          createdAt,
          openKey: access.openKey,
          about: { namespace, name, uid },
          ...selected,
          waits: waitsForQueues(backup, createdAt),
          jobsPerSecond: backup.spec.jobsPerSecond,
          assertLeading: sources.assertLeading,
        }),
      );
    }),
  );
}

/** Removes all that a backup has in its storage. */
export function beginRemoval<R, O extends Pick<ObservedBackup, 'storage'>>(
  of: ObjectOfRun,
  look: Look<O>,
  { runs, sources }: Pick<BackupTools, 'sources'> & { readonly runs: Runs<RunProgress, R | 'removed'> },
): void {
  runs.begin({ ...of, task: BackupTask.removal, purpose: 'removal' }, ({ signal }) =>
    inWords(async () => {
      const { object: backup, observed } = await lookAgain(of, 'remove', signal, look);
      const { storage: access } = observed;
      if (!access) throw new Error(`the removal of QueueBackup ${of.key.name} begins without a storage`);
      return await withStorage(access, async (storage) => {
        await removeAttempts(storage, baseOf(backup, access), { signal, assertLeading: sources.assertLeading });
        return 'removed' as const;
      });
    }),
  );
}

/** Where all of a backup lies, with a slash at its end. */
export function baseOf(backup: BackupObject, { namespacePath }: StorageAccess): string {
  return `${namespacePath}${folderOf(backup)}/`;
}
