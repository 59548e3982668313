import { BackupWriter, type BackupOptions, type Storage } from '@redis-queue/backup';
import type { OpenKey } from '../access/storage-access.ts';
import type { QueueLeftOut } from './left-out.ts';
import type { QueueResult } from './read-queue.ts';
import { readQueues, type ReadQueuesOptions } from './read-queues.ts';

export interface WriteOptions extends ReadQueuesOptions {
  readonly storage: Storage;
  /** Nobody has written there, not even another process for the same object. */
  readonly directory: string;
  readonly backupId: string;
  /** Of an increment: the backup before it. */
  readonly previous?: BackupOptions['previous'];
  readonly createdAt: Date;
  /** Absent: the backup is not encrypted. */
  readonly openKey?: OpenKey | undefined;
  /** What the manifest says of where it is from. */
  readonly about: Readonly<Record<string, unknown>>;
}

export interface BackupResult {
  readonly directory: string;
  readonly location: string;
  readonly formatVersion: number;
  readonly manifestSha256: string;
  readonly queues: readonly QueueResult[];
  /** Queues that could not be read; the manifest names them too. */
  readonly leftOut: readonly QueueLeftOut[];
}

/**
 * Writes queues into a folder of their own, one after the other. The manifest comes last: without it there is no backup.
 *
 * @throws also where none of the queues can be read.
 */
export async function writeBackup(options: WriteOptions): Promise<BackupResult> {
  const { storage, directory, backupId, previous, createdAt, about, openKey, signal } = options;
  const key = await openKey?.();
  const writer = await BackupWriter.create(storage, {
    directory,
    backupId,
    createdAt,
    about,
    signal,
    ...(key && { key }),
    ...(previous && { previous }),
  });
  try {
    const { read: queues, leftOut } = await readQueues(writer, options);
    options.assertLeading();
    const { manifest, sha256 } = await writer.finish(leftOut.length > 0 ? { leftOut } : {});
    return {
      directory,
      location: `${directory} in ${storage.location}`,
      formatVersion: manifest.formatVersion,
      manifestSha256: sha256,
      queues,
      leftOut,
    };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
