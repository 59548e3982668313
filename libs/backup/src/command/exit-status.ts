import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { BackupKeyError } from '../errors/backup-key-error.ts';
import { BackupVersionError } from '../errors/backup-version-error.ts';
import { ObjectNotFoundError, StorageError } from '../storage/storage.ts';
import { UsageError } from './arguments.ts';

/** What a run of the command ends with; the text of --help explains each. */
export const EXIT_STATUS = {
  done: 0,
  damaged: 1,
  usage: 2,
  unreadable: 3,
  storage: 4,
  failed: 5,
  interrupted: 130,
} as const;

export function exitStatusOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_STATUS.usage;
  if (error instanceof BackupDamagedError) return EXIT_STATUS.damaged;
  if (error instanceof BackupKeyError || error instanceof BackupVersionError) return EXIT_STATUS.unreadable;
  if (error instanceof StorageError || error instanceof ObjectNotFoundError) return EXIT_STATUS.storage;
  return EXIT_STATUS.failed;
}
