import { QUEUE_BACKUPS } from '@redis-queue/api';
import { keyOf, type KubeClient } from '@redis-queue/controller';
import { isDeepStrictEqual } from 'node:util';
import type { Sources } from '../access/sources.ts';
import { resolveStorage } from '../access/storage-access.ts';
import { sourcesOf } from '../backups/observe.ts';
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
  readonly client: Pick<KubeClient, 'get'>;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** Reads what `planPoints` needs: of one whose run is to begin its Secrets and its newest status. Writes nothing. */
export async function observePoints(
  backup: BackupObject,
  { sources, runs, removals, readers }: PointSources,
  { client, now, signal }: ObserveContext,
): Promise<ObservedPoints> {
  const { namespace = '', uid = '', deletionTimestamp } = backup.metadata;
  const [run, removal] = [runs.stateOf(uid), removals.stateOf(uid)];
  const stage = stageOfPoints(backup, run, now);
  const found = { stage, run, removal, next: nextPoint(backup, now) };
  const isLeaving = deletionTimestamp !== undefined;
  if (isLeaving && run && run.phase !== 'ended') return found;
  if (!isLeaving && stage === 'due' && (await isOutdated(backup, client, signal)))
    return { ...found, stage: 'outdated' };
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
  const queues = !isLeaving && stage === 'due' ? sourcesOf(backup, sources) : [];
  if (!Array.isArray(queues)) return { ...found, problem: queues };
  const storage = await resolveStorage(namespace, backup.spec, sources.storage, sources.secretsOf(namespace, signal));
  if (!storage.ok) return { ...found, problem: storage.problem };
  return { ...found, storage: storage.access, queues, expired };
}

/**
 * Whether the status is not the newest. A point is removed before it is taken, as an attempt that nobody knows of; by an
 * older status, one that a former leader has noted since would be taken for such.
 */
async function isOutdated(
  backup: BackupObject,
  client: Pick<KubeClient, 'get'>,
  signal: AbortSignal,
): Promise<boolean> {
  const newest = await client.get<BackupObject>(QUEUE_BACKUPS, keyOf(backup), { signal });
  if (newest?.metadata.uid !== backup.metadata.uid) return true;
  return !isDeepStrictEqual(newest?.status?.incremental, backup.status?.incremental);
}
