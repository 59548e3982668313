import { keepsDeadLetters } from '@redis-queue/api';
import { deadLetterQueue } from '@redis-queue/bullmq';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import { selectQueues } from '../access/select-queues.ts';
import type { OpenAccess, Sources } from '../access/sources.ts';
import { resolveStorage } from '../access/storage-access.ts';
import { deadLettersName } from '../engine/queue-names.ts';
import type { QueueSource } from '../engine/write-backup.ts';
import type { BackupReaders } from '../runs/backup-readers.ts';
import { deletionDueMs } from '../runs/run-objects.ts';
import { isOutdated, stageOf } from '../runs/stage.ts';
import type { BackupObject, BackupRuns, ObservedBackup, Problem } from './steps.ts';

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
  const queues = isLeaving ? [] : sourcesOf(backup, sources);
  if (!Array.isArray(queues)) return { ...found, problem: queues };
  const storage = await resolveStorage(namespace, backup.spec, sources.storage, sources.secretsOf(namespace, signal));
  return storage.ok ? { ...found, storage: storage.access, queues } : { ...found, problem: storage.problem };
}

/** The queues to read, or why one of them cannot be. */
export function sourcesOf(
  { metadata: { namespace = '' }, spec }: BackupObject,
  sources: Sources,
): QueueSource[] | Problem {
  const selected = selectQueues(spec.queues, {
    get: (name) => sources.queues.get({ namespace, name }),
    list: () => sources.queues.list(namespace),
  });
  if (!selected.ok) return selected.problem;
  const all: QueueSource[] = [];
  for (const queue of selected.queues) {
    const access = sources.resolve(queue, 'backup');
    if (!access.ok) return access.problem;
    all.push(...sourcesOfQueue(queue, access, spec.deadLetters));
  }
  return all;
}

function sourcesOfQueue(queue: QueueObject, { target }: OpenAccess, deadLetters: boolean): QueueSource[] {
  const { namespace = '', name } = queue.metadata;
  const governor = `${namespace}/${name}`;
  const ref = queueRef(queue);
  const withLetters = deadLetters && keepsDeadLetters(queue.spec);
  return [
    { name, ref, target, governor },
    ...(withLetters ? [{ name: deadLettersName(name), ref: deadLetterQueue(ref), target, governor }] : []),
  ];
}
