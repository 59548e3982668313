import { isUtf8 } from 'node:buffer';
import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { ObjectNotFoundError, type Storage } from '../storage/storage.ts';
import { manifestPath } from './layout.ts';
import { hasTooManyValues, MAX_MANIFEST_BYTES } from './manifest-limits.ts';
import { parseManifest, type WrittenManifest } from './manifest-text.ts';
import { readObject } from './read-object.ts';

/**
 * The manifest of the backup in a directory. Who has written it is not known yet.
 * @throws {BackupDamagedError} also when there is none, so no backup: it is written last.
 */
export async function readManifest(storage: Storage, directory: string, signal: AbortSignal): Promise<WrittenManifest> {
  const path = manifestPath(directory);
  let bytes: Buffer;
  try {
    bytes = await readObject(storage, path, MAX_MANIFEST_BYTES, signal);
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    const what = `does not exist in ${storage.location}, so the backup was never finished, or was removed`;
    throw new BackupDamagedError(path, 'ManifestMissing', what, error);
  }
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new BackupDamagedError(path, 'ManifestDamaged', `has more than ${MAX_MANIFEST_BYTES} bytes`);
  }
  if (hasTooManyValues(bytes)) throw new BackupDamagedError(path, 'ManifestDamaged', 'is nothing but brackets');
  if (!isUtf8(bytes)) throw new BackupDamagedError(path, 'ManifestDamaged', 'is not UTF-8');
  const text = bytes.toString('utf8');
  return { manifest: parseManifest(text, path), text };
}
