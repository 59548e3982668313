import type { Sources } from '../access/sources.ts';
import { resolveStorage } from '../access/storage-access.ts';
import { selectSources } from '../backups/select-sources.ts';
import type { BackupObject } from '../backups/steps.ts';
import type { BackupReaders } from '../runs/backup-readers.ts';
import { expiredChains, nextPoint } from './chains.ts';
import { hasPoints, stageOfPoints, type ChainRemovals, type ObservedPoints, type PointRuns } from './steps.ts';

export interface PointSources {
  readonly sources: Sources;
  readonly runs: Pick<PointRuns, 'stateOf'>;
  readonly removals: Pick<ChainRemovals, 'stateOf'>;
  readonly readers: Pick<BackupReaders, 'of'>;
}

export interface ObserveContext {
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** Reads what `planPoints` needs: of one whose run is to begin its Secrets, else nothing. Writes nothing. */
export async function observePoints(
  backup: BackupObject,
  { sources, runs, removals, readers }: PointSources,
  { now, signal }: ObserveContext,
): Promise<ObservedPoints> {
  const { namespace = '', uid = '', deletionTimestamp } = backup.metadata;
  const [run, removal] = [runs.stateOf(uid), removals.stateOf(uid)];
  const stage = stageOfPoints(backup, run, now);
  const found = { stage, run, removal, next: nextPoint(backup, now) };
  if (stage === 'outdated') return found;
  const isLeaving = deletionTimestamp !== undefined;
  if (isLeaving && run && run.phase !== 'ended') return found;
  const readBy = isLeaving && hasPoints(backup) ? readers.of(backup) : undefined;
  if (readBy !== undefined) return { ...found, readBy };
  const isRead = (): boolean => readers.of(backup) !== undefined;
  // With each point that is taken; so one that could not be removed is tried again after the next.
  const isFree =
    stage === 'succeeded'
      ? removal?.phase !== 'running' && removal?.phase !== 'waiting'
      : stage === 'resting' && !removal;
  const expired = !isLeaving && isFree ? expiredChains(backup, { now, isRead })[0] : undefined;
  if (!isLeaving && stage !== 'due' && expired === undefined) return found;
  const selected = !isLeaving && stage === 'due' ? selectSources(backup, sources) : undefined;
  if (selected && 'reason' in selected) return { ...found, problem: selected };
  const storage = await resolveStorage(namespace, backup.spec, sources.storage, sources.secretsOf(namespace, signal));
  if (!storage.ok) return { ...found, problem: storage.problem };
  return { ...found, storage: storage.access, ...(selected && { selected }), expired };
}
