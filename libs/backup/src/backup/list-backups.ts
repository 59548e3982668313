import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { BackupVersionError } from '../errors/backup-version-error.ts';
import { MANIFEST_NAME, prefixOf } from '../manifest/layout.ts';
import { readManifest } from '../manifest/read-manifest.ts';
import type { Manifest } from '../manifest/schema.ts';
import type { Storage } from '../storage/storage.ts';

/** A backup as its manifest describes it, of which nothing was checked that needs a key. */
export interface ListedBackup {
  readonly directory: string;
  /** The manifest, or why it cannot be read. */
  readonly found: Manifest | Error;
}

/**
 * The backups in a directory and below, one for each manifest.
 * @throws {StorageError}
 */
export async function* listBackups(
  storage: Storage,
  directory: string,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<ListedBackup> {
  for await (const { path } of storage.list(prefixOf(directory), { signal })) {
    if (!path.endsWith(`/${MANIFEST_NAME}`)) continue;
    const found = path.slice(0, -MANIFEST_NAME.length - 1);
    yield { directory: found, found: await manifestOf(storage, found, signal) };
  }
}

async function manifestOf(storage: Storage, directory: string, signal: AbortSignal): Promise<Manifest | Error> {
  try {
    return (await readManifest(storage, directory, signal)).manifest;
  } catch (error) {
    if (isOfOneBackup(error)) return error;
    throw error;
  }
}

function isOfOneBackup(error: unknown): error is Error {
  return error instanceof BackupDamagedError || error instanceof BackupVersionError;
}
