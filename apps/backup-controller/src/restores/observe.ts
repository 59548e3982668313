import type { QueueBackup } from '@redis-queue/api';
import { saidBefore, type ObjectCache } from '@redis-queue/controller';
import type { NamedRedis, Sources } from '../access/sources.ts';
import { resolveStorage } from '../access/storage-access.ts';
import type { BackupObject } from '../backups/steps.ts';
import { chainsOf, chainsUntil } from '../points/chains.ts';
import { isIncremental } from '../points/steps.ts';
import { hasEnded } from '../runs/run-objects.ts';
import {
  needsAbandonment,
  needsRemoval,
  needsResumption,
  needsRewriting,
  stageOfRestore,
  type BackupPlace,
  type ObservedRestore,
  type Problem,
  type RestoreObject,
  type RestoreRuns,
} from './steps.ts';
import { targetsFor } from './targets.ts';
import { restoredOf } from './wanted-queues.ts';

export interface RestoreSources extends Sources, NamedRedis {
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
  const isRewriting = needsRewriting(restore);
  if (!isRewriting && (needsResumption(restore) || needsAbandonment(restore) || needsRemoval(restore)))
    return run ? found : { ...found, ...targetsOf(restore, sources) };
  if (isRewriting ? run !== undefined : found.stage !== 'due') return found;
  const source = await sourceOf(restore, sources, { now, signal });
  return 'problem' in source ? { ...found, problem: source.problem } : { ...found, backup: source };
}

/** The queues that it is about, as its status names them. */
function targetsOf(restore: RestoreObject, sources: RestoreSources): Pick<ObservedRestore, 'targets' | 'problem'> {
  const names = restore.status?.queues?.map(({ name }) => name) ?? [];
  const targets = targetsFor({ names, leftOut: [] }, restore, sources, { isWritten: true });
  return Array.isArray(targets) ? { targets } : { problem: targets };
}

async function sourceOf(
  restore: RestoreObject,
  sources: RestoreSources,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<BackupPlace | { readonly problem: Problem }> {
  const { namespace = '' } = restore.metadata;
  const { backup: reference, storage, directory, encryption } = restore.spec.from;
  const readSecret = sources.secretsOf(namespace, signal);
  if (storage && directory !== undefined) {
    const found = await resolveStorage(namespace, { storage, encryption }, sources.storage, readSecret);
    if (!found.ok) return { problem: found.problem };
    // The one that was checked, whatever lies there by now.
    const { manifestSha256 } = restore.status ?? {};
    return {
      storage: found.access,
      directory: inVolume(directory, namespace, storage),
      ...(manifestSha256 !== undefined && { manifestSha256 }),
    };
  }
  const name = reference?.name ?? '';
  const backup = sources.backups.get({ namespace, name });
  const place = placeOf(restore, backup, now);
  if ('problem' in place || !backup) return 'problem' in place ? place : { problem: notFound(name, namespace) };
  // Which queues another point has is known once it is read.
  if (place.atMs === undefined) {
    const { queues = [], leftOut = [] } = (isChecked(restore) ? restore.status : backup.status) ?? {};
    const targets = targetsFor({ names: queues.map((queue) => queue.name), leftOut }, restore, sources);
    if (!Array.isArray(targets)) return { problem: targets };
  }
  const found = await resolveStorage(namespace, backup.spec, sources.storage, readSecret);
  if (!found.ok) return { problem: { ...found.problem, message: `of QueueBackup ${name}: ${found.problem.message}` } };
  return { storage: found.access, ...place };
}

/** As a status has it, below the namespace's folder; the command lists folders from the root of the volume. */
function inVolume(
  directory: string,
  namespace: string,
  { volume }: RestoreObject['spec']['from']['storage'] & {},
): string {
  const root = volume?.path === undefined ? `${namespace}/` : `${namespace}/${volume.path}/`;
  return volume && directory.startsWith(root) ? directory.slice(root.length) : directory;
}

/** Where the backup of a restore lies, or the point of it, or why it cannot be restored. */
function placeOf(
  restore: RestoreObject,
  backup: QueueBackup | undefined,
  now: Date,
): Omit<BackupPlace, 'storage'> | { readonly problem: Problem } {
  const { namespace = '' } = restore.metadata;
  const { name = '', at } = restore.spec.from.backup ?? {};
  if (!backup) return { problem: notFound(name, namespace) };
  // One that waits for its restores is still there, whole.
  const waitsForUs = saidBefore(backup.status?.conditions, 'Ready')?.reason === 'ReadByRestore';
  if (backup.metadata.deletionTimestamp !== undefined && !waitsForUs) {
    const message = `QueueBackup ${name} is being deleted; name another in spec.from.backup`;
    return { problem: { reason: 'BackupNotFound', message } };
  }
  // The one that was checked, whichever points have been taken since.
  const { directory, manifestSha256 } = restore.status ?? {};
  if (isChecked(restore) && directory !== undefined && manifestSha256 !== undefined)
    return { directory, manifestSha256 };
  if (isIncremental(backup)) return pointOf(backup, at, now);
  if (!hasEnded(backup)) {
    const message = `QueueBackup ${name} has not completed; it is waited for`;
    return { problem: { reason: 'BackupNotComplete', message } };
  }
  if (saidBefore(backup.status?.conditions, 'Ready')?.reason === 'RestoredByVelero') {
    const message = `QueueBackup ${name} was created again by Velero without its status, which said where the backup lies; name the storage and the folder in spec.from instead`;
    return { problem: { reason: 'BackupFailed', message } };
  }
  const { phase, directory: written = '', manifestSha256: sha256 } = backup.status ?? {};
  if (phase === 'Failed')
    return { problem: { reason: 'BackupFailed', message: `QueueBackup ${name} failed; restore from another` } };
  const { queues = [] } = backup.status ?? {};
  const restored = new Set(
    restoredOf(
      queues.map((queue) => queue.name),
      restore.spec,
    ),
  );
  const time = latest(queues.filter((queue) => restored.has(queue.name)).map(({ snapshotAt }) => snapshotAt));
  if (at !== undefined && Date.parse(at) < Date.parse(time))
    return { problem: pointNotFound(name, at, `is of ${time}`) };
  return { directory: written, ...(sha256 !== undefined && { manifestSha256: sha256 }) };
}

function isChecked({ status }: RestoreObject): boolean {
  return status?.checkedAt !== undefined && status.directory !== undefined;
}

function pointOf(
  backup: QueueBackup,
  at: string | undefined,
  now: Date,
): Omit<BackupPlace, 'storage'> | { readonly problem: Problem } {
  const { name } = backup.metadata;
  const chains = chainsOf(backup);
  if (chains.length === 0) {
    const message = `QueueBackup ${name} has no point yet; it is waited for`;
    return { problem: { reason: 'BackupNotComplete', message } };
  }
  const [chain, older] = chainsUntil(backup, at === undefined ? undefined : new Date(at), now);
  if (!chain) {
    const spans = chains.slice(0, MOST_NAMED).map(({ firstTime, lastTime }) => `${firstTime} to ${lastTime}`);
    const more = chains.length > MOST_NAMED ? ` and ${chains.length - MOST_NAMED} older chains` : '';
    return { problem: pointNotFound(name, at ?? '', `has points of ${spans.join(', ')}${more}`) };
  }
  const { directory, manifestSha256 } = chain;
  if (at === undefined) return { directory, manifestSha256 };
  // Its first point has a queue that was read after the time, maybe.
  const before = older && { older: { directory: older.directory, manifestSha256: older.manifestSha256 } };
  return { directory, manifestSha256, atMs: Date.parse(at), ...before };
}

/** Spans of time that a message lists. */
const MOST_NAMED = 10;

/** The last of some times, as a status has them. */
function latest(times: readonly string[]): string {
  return times.toSorted((a, b) => Date.parse(b) - Date.parse(a))[0] ?? '';
}

function pointNotFound(name: string, at: string, has: string): Problem {
  const message = `QueueBackup ${name} has no point at or before spec.from.backup.at, ${at}: it ${has}; create a QueueRestore with a time that it has`;
  return { reason: 'PointNotFound', message };
}

function notFound(name: string, namespace: string): Problem {
  const message = `spec.from.backup names QueueBackup ${name}, which does not exist in namespace ${namespace}; create it, or give storage and directory instead`;
  return { reason: 'BackupNotFound', message };
}
