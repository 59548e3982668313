import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { isPartPath, partPath, prefixOf } from '../manifest/layout.ts';
import type { Storage } from '../storage/storage.ts';
import { placesOf, type CheckedManifest } from './read-chain.ts';

/**
 * Compares what lies in the directory of a backup with its manifest: so a part that is missing is noticed before the first
 * record is given out, and one too many at all.
 *
 * @throws {BackupDamagedError}
 */
export async function checkObjects(
  storage: Storage,
  point: CheckedManifest,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { directory } = point.source;
  const expected = new Map(
    placesOf(point).map(({ queue, number, entry }) => [partPath(directory, queue, number), entry.storedBytes]),
  );
  for await (const { path, bytes } of storage.list(prefixOf(directory), { signal })) {
    const storedBytes = expected.get(path);
    if (storedBytes === undefined && isPartPath(path)) {
      throw new BackupDamagedError(path, 'PartUnexpected', 'is there, and the manifest does not name it');
    }
    if (storedBytes !== undefined && storedBytes !== bytes) {
      throw new BackupDamagedError(path, 'PartSizeDiffers', `has ${bytes} bytes instead of ${storedBytes}`);
    }
    expected.delete(path);
  }
  const [missing] = expected.keys();
  if (missing !== undefined) {
    throw new BackupDamagedError(missing, 'PartMissing', 'does not exist, and the manifest names it');
  }
}
