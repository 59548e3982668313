import type { Sources } from '../access/sources.ts';
import { resolveStorage } from '../access/storage-access.ts';
import type { BackupReaders } from '../runs/backup-readers.ts';
import { deletionDueMs } from '../runs/run-objects.ts';
import { isOutdated, stageOf } from '../runs/stage.ts';
import { selectSources } from './select-sources.ts';
import type { BackupObject, BackupRuns, ObservedBackup } from './steps.ts';

export interface KnownToBackups {
  readonly runs: Pick<BackupRuns, 'stateOf'>;
  readonly readers: Pick<BackupReaders, 'of'>;
}

/** Reads what `planBackup` needs: of one whose run is to begin its Secrets, else nothing. Writes nothing. */
export async function observeBackup(
  backup: BackupObject,
  sources: Sources,
  { runs, readers }: KnownToBackups,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<ObservedBackup> {
  const run = runs.stateOf(backup.metadata.uid ?? '');
  if (run && isOutdated(run)) return { stage: 'outdated', run };
  const isLeaving = backup.metadata.deletionTimestamp !== undefined;
  const isComplete = backup.status?.directory !== undefined;
  const mayGo = isLeaving || deletionDueMs(backup, now) === 0;
  const readBy = isComplete && mayGo ? readers.of(backup) : undefined;
  const found = { stage: stageOf(backup, run, now), run, ...(readBy !== undefined && { readBy }) };
  if (isLeaving ? readBy !== undefined || (run && run.phase !== 'ended') : found.stage !== 'due') return found;
  const { namespace = '' } = backup.metadata;
  const selected = isLeaving ? undefined : selectSources(backup, sources);
  if (selected && 'reason' in selected) return { ...found, problem: selected };
  const storage = await resolveStorage(namespace, backup.spec, sources.storage, sources.secretsOf(namespace, signal));
  if (!storage.ok) return { ...found, problem: storage.problem };
  return { ...found, storage: storage.access, ...(selected && { selected }) };
}
