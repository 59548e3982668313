import { removeBackupsBelow, type Storage } from '@redis-queue/backup';
import { writeBackup, type BackupResult, type WriteOptions } from './write-backup.ts';

export interface BackupOptions extends Omit<WriteOptions, 'directory' | 'previous' | 'changes'> {
  /** Where the attempts of this backup lie, with a slash at its end. */
  readonly base: string;
  /** The folder of this attempt in `base`: nobody has written there, not even another process for the same object. */
  readonly attempt: string;
}

/** Writes a full backup. What attempts before it have left is removed first. */
export async function takeBackup(options: BackupOptions): Promise<BackupResult> {
  const { storage, base, attempt } = options;
  await removeAttempts(storage, base, options);
  return await writeBackup({ ...options, directory: `${base}${attempt}` });
}

/** Removes all that a backup has, of which manifests go first, those of newer points before older ones. */
export async function removeAttempts(
  storage: Storage,
  base: string,
  { signal, assertLeading }: Pick<BackupOptions, 'signal' | 'assertLeading'>,
): Promise<void> {
  await removeBackupsBelow(storage, base, { signal, beforeRemove: assertLeading });
}
