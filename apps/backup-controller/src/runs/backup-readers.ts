import type { QueueRestore } from '@redis-queue/api';
import { keyOf, keyToString, type ObjectCache, type ObjectKey, type Resource } from '@redis-queue/controller';
import { hasEnded } from './run-objects.ts';

type Restore = QueueRestore & Resource;

const READS_BACKUP = 'reads-backup';

/** The QueueRestores that read backups, or are about to, by the cache: what they name has to stay for so long. */
export class BackupReaders {
  readonly #restores: Pick<ObjectCache<Restore>, 'eachByIndex'>;

  constructor(restores: Pick<ObjectCache<Restore>, 'addIndex' | 'eachByIndex'>) {
    this.#restores = restores;
    restores.addIndex(READS_BACKUP, (restore) => keysReadBy(restore).map(keyToString));
  }

  /** Name of a QueueRestore that reads the backup; undefined: none does. */
  of(backup: Resource): string | undefined {
    for (const { metadata } of this.#restores.eachByIndex(READS_BACKUP, keyToString(keyOf(backup))))
      return metadata.name;
    return undefined;
  }
}

/**
 * The backup, of the same namespace, that a restore reads or is about to: once it has verified what it wrote, has ended
 * or is being deleted, it needs it no more, unless Redis has lost part of that.
 */
export function keysReadBy(restore: Restore): ObjectKey[] {
  const { metadata, spec, status } = restore;
  const isVerified = hasEnded(restore) || status?.verifiedAt !== undefined;
  const isOver = (isVerified && status?.lostAt === undefined) || metadata.deletionTimestamp !== undefined;
  const name = spec.from.backup?.name;
  return isOver || name === undefined ? [] : [{ ...keyOf(restore), name }];
}
