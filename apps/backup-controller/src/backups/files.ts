import { restoredUnfinished, saidBefore } from '@redis-queue/controller';
import type { BackupObject, Problem } from './steps.ts';

/** The folder below which the attempts of a backup lie; no other object has it, by the uid. */
export function folderOf({ metadata: { name, uid = '' } }: Pick<BackupObject, 'metadata'>): string {
  return `${name}-${uid.slice(0, 8)}`;
}

/**
 * Where the files lie that another object has written, of which this one is a copy, in words; undefined: it is none. A
 * copy restores them and never removes them: the cluster or namespace that it was copied from may still be there.
 */
export function filesOfAnother(backup: BackupObject, now: Date): string | undefined {
  const { directory, location = directory } = backup.status ?? {};
  if (directory !== undefined) return directory.split('/').includes(folderOf(backup)) ? undefined : location;
  const isCopy =
    restoredUnfinished(backup, now) !== undefined ||
    saidBefore<Problem['reason']>(backup.status?.conditions, 'Ready')?.reason === 'RestoredByVelero';
  return isCopy ? `spec.storage, in a folder whose name begins with ${backup.metadata.name}-` : undefined;
}
