import { MANIFEST_NAME, pointPrefix, prefixOf } from '../manifest/layout.ts';
import type { Storage } from '../storage/storage.ts';

export interface RemovalOptions {
  readonly signal: AbortSignal;
  /** Is called before each object; what it throws ends the removal. */
  readonly beforeRemove?: () => void;
}

/** Manifests that are removed in one round; more than a chain has. */
const MANIFESTS_PER_ROUND = 5_000;

/**
 * Removes what lies in the directory of a backup: the manifest first, so that what is left after a crash is no backup.
 * Idempotent. A writer of this backup has to be aborted before.
 */
export async function removeBackup(storage: Storage, directory: string, options: RemovalOptions): Promise<void> {
  await removeBackupsBelow(storage, prefixOf(directory), options);
}

/**
 * Removes a chain: the manifests first, from the newest point to the full one, so that each point that is left after a
 * crash has all that it needs. Idempotent, as above.
 */
export async function removeChain(storage: Storage, directory: string, options: RemovalOptions): Promise<void> {
  await removeBackupsBelow(storage, prefixOf(directory), options);
}

/**
 * Removes all attempts at one point, before it is written, or written again. Points after it need it: there must be none.
 * Idempotent.
 *
 * @param chainDirectory the directory of its chain.
 */
export async function removePoint(
  storage: Storage,
  chainDirectory: string,
  point: number,
  options: RemovalOptions,
): Promise<void> {
  await removeBackupsBelow(storage, `${prefixOf(chainDirectory)}${pointPrefix(point)}`, options);
}

/**
 * Removes every object whose path begins with `prefix`: first the manifests, the last by their paths first, which of a
 * chain is the newest; then the rest. Idempotent.
 */
export async function removeBackupsBelow(storage: Storage, prefix: string, options: RemovalOptions): Promise<void> {
  const { signal, beforeRemove = () => undefined } = options;
  const remove = async (path: string): Promise<void> => {
    beforeRemove();
    await storage.remove(path, { signal });
  };
  for (;;) {
    const manifests = await lastManifests(storage, prefix, signal);
    for (const path of manifests) await remove(path);
    if (manifests.length < MANIFESTS_PER_ROUND) break;
  }
  for await (const { path } of storage.list(prefix, { signal })) await remove(path);
}

/** The last ones by their paths, at most as many as go in one round; the last first. */
async function lastManifests(storage: Storage, prefix: string, signal: AbortSignal): Promise<string[]> {
  let found: string[] = [];
  const last = (): string[] => found.toSorted((a, b) => (a < b ? 1 : -1)).slice(0, MANIFESTS_PER_ROUND);
  for await (const { path } of storage.list(prefix, { signal })) {
    if (!path.endsWith(`/${MANIFEST_NAME}`)) continue;
    found.push(path);
    if (found.length >= 2 * MANIFESTS_PER_ROUND) found = last();
  }
  return last();
}
