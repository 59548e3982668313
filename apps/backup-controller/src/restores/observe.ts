import type { QueueBackup } from '@redis-queue/api';
import { saidBefore, type ObjectCache } from '@redis-queue/controller';
import type { Sources } from '../access/sources.ts';
import { resolveStorage, type StorageAccess } from '../access/storage-access.ts';
import type { BackupObject } from '../backups/steps.ts';
import { hasEnded } from '../runs/run-objects.ts';
import {
  needsAbandonment,
  needsResumption,
  stageOfRestore,
  type BackupPlace,
  type ObservedRestore,
  type Problem,
  type RestoreObject,
  type RestoreRuns,
} from './steps.ts';
import { resolveTargets } from './targets.ts';

export interface RestoreSources extends Sources {
  readonly backups: Pick<ObjectCache<BackupObject>, 'get'>;
}

/** Reads what `planRestore` needs: of one whose run is to begin its Secrets, else nothing. Writes nothing. */
export async function observeRestore(
  restore: RestoreObject,
  sources: RestoreSources,
  runs: Pick<RestoreRuns, 'stateOf'>,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<ObservedRestore> {
  const run = runs.stateOf(restore.metadata.uid ?? '');
  const found = { stage: stageOfRestore(restore, run, now), run };
  if (needsResumption(restore) || needsAbandonment(restore))
    return run ? found : { ...found, ...targetsOf(restore, sources) };
  if (found.stage !== 'due') return found;
  const source = await sourceOf(restore, sources, signal);
  return 'problem' in source ? { ...found, problem: source.problem } : { ...found, backup: source };
}

/** The queues that it is about, as its status names them. */
function targetsOf(restore: RestoreObject, sources: Sources): Pick<ObservedRestore, 'targets' | 'problem'> {
  const names = restore.status?.queues?.map(({ name }) => name) ?? [];
  const targets = resolveTargets(names, restore, sources);
  return Array.isArray(targets) ? { targets } : { problem: targets };
}

async function sourceOf(
  restore: RestoreObject,
  sources: RestoreSources,
  signal: AbortSignal,
): Promise<BackupPlace | { readonly problem: Problem }> {
  const { namespace = '' } = restore.metadata;
  const { backup: reference, storage, directory, encryption } = restore.spec.from;
  const readSecret = sources.secretsOf(namespace, signal);
  if (storage && directory !== undefined) {
    const found = await resolveStorage(namespace, { storage, encryption }, sources.storage, readSecret);
    if (!found.ok) return { problem: found.problem };
    const foreign = whyNotOwn(directory, 'spec.from.directory is', found.access);
    if (foreign) return { problem: foreign };
    // The one that was checked, whatever lies there by now.
    const { manifestSha256 } = restore.status ?? {};
    return { storage: found.access, directory, ...(manifestSha256 !== undefined && { manifestSha256 }) };
  }
  const name = reference?.name ?? '';
  const backup = sources.backups.get({ namespace, name });
  const problem = whyNotRestorable(backup, name, namespace);
  if (problem || !backup) return { problem: problem ?? notFound(name, namespace) };
  const targets = resolveTargets(backup.status?.queues?.map((queue) => queue.name) ?? [], restore, sources);
  if (!Array.isArray(targets)) return { problem: targets };
  const found = await resolveStorage(namespace, backup.spec, sources.storage, readSecret);
  if (!found.ok) return { problem: { ...found.problem, message: `of QueueBackup ${name}: ${found.problem.message}` } };
  const { directory: written = '', manifestSha256 } = backup.status ?? {};
  const foreign = whyNotOwn(written, `QueueBackup ${name} lies in`, found.access);
  if (foreign) return { problem: foreign };
  return { storage: found.access, directory: written, ...(manifestSha256 !== undefined && { manifestSha256 }) };
}

/** Also of a folder in a status: a copy of a QueueBackup of another namespace has that one's. */
function whyNotOwn(directory: string, said: string, { shared, namespacePath }: StorageAccess): Problem | undefined {
  if (!shared || directory.startsWith(namespacePath)) return undefined;
  const message = `${said} ${directory}, which has to begin with ${namespacePath}, since the storage is reached with the identity of the controller's pod, which other namespaces use as well; name a Secret to read elsewhere`;
  return { reason: 'StorageNotPermitted', message };
}

function whyNotRestorable(backup: QueueBackup | undefined, name: string, namespace: string): Problem | undefined {
  if (!backup) return notFound(name, namespace);
  if (backup.metadata.deletionTimestamp !== undefined)
    return {
      reason: 'BackupNotFound',
      message: `QueueBackup ${name} is being deleted; name another in spec.from.backup`,
    };
  if (!hasEnded(backup))
    return { reason: 'BackupNotComplete', message: `QueueBackup ${name} has not completed; it is waited for` };
  if (saidBefore(backup.status?.conditions, 'Ready')?.reason === 'RestoredByVelero')
    return {
      reason: 'BackupFailed',
      message: `QueueBackup ${name} was created again by Velero without its status, which said where the backup lies; name the storage and the folder in spec.from instead`,
    };
  if (backup.status?.phase === 'Failed')
    return { reason: 'BackupFailed', message: `QueueBackup ${name} failed; restore from another` };
  return undefined;
}

function notFound(name: string, namespace: string): Problem {
  const message = `spec.from.backup names QueueBackup ${name}, which does not exist in namespace ${namespace}; create it, or give storage and directory instead`;
  return { reason: 'BackupNotFound', message };
}
