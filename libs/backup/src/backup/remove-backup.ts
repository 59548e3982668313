import { manifestPath, prefixOf } from '../manifest/layout.ts';
import type { Storage } from '../storage/storage.ts';

/**
 * Removes what lies in the directory of a backup: the manifest first, so that what is left after a crash is no backup.
 * Idempotent. A writer of this backup has to be aborted before.
 */
export async function removeBackup(
  storage: Storage,
  directory: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  await storage.remove(manifestPath(directory), { signal });
  for await (const { path } of storage.list(prefixOf(directory), { signal })) await storage.remove(path, { signal });
}
