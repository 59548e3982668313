import { openStorage, type Storage } from '@redis-queue/backup';
import type { StorageAccess } from './storage-access.ts';

/** Calls a storage, and closes it when that has ended. */
export async function withStorage<T>(
  { spec, credentials, shared }: StorageAccess,
  call: (storage: Storage) => Promise<T>,
): Promise<T> {
  const storage = await openStorage(spec, credentials, { defaultCredentialChain: shared });
  try {
    return await call(storage);
  } finally {
    storage.close();
  }
}
