import { StorageError, type StorageReason } from './storage.ts';

interface Meaning {
  readonly reason: StorageReason;
  readonly retryable: boolean;
  readonly says: string;
}

const meaning = (reason: StorageReason, retryable: boolean, says: string): Meaning => ({ reason, retryable, says });

const FULL = meaning('StorageFull', false, 'no space is left; make the volume larger, or keep fewer backups');
const DENIED = meaning('StorageDenied', false, 'not permitted; let the user of this process read and write there');
const AWAY = meaning('StorageUnreachable', true, 'the file server does not answer');
const LINK = meaning('StorageDenied', false, 'a symlink, or a file in place of a directory, is on the way; remove it');

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOSPC: FULL,
  EDQUOT: { ...FULL, says: 'the quota is used up; raise it, or keep fewer backups' },
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: { ...DENIED, says: 'the file system is mounted read-only; mount it writable' },
  ELOOP: LINK,
  ENOTDIR: LINK,
  EISDIR: meaning('StorageFailed', false, 'a directory is in place of a file; remove it'),
  ETIMEDOUT: AWAY,
  EHOSTDOWN: AWAY,
  EHOSTUNREACH: AWAY,
  ENOTCONN: AWAY,
  ESTALE: { ...AWAY, says: 'the file server forgot the volume; it has to be mounted again' },
  EIO: meaning('StorageFailed', true, 'the disk failed'),
};

/** What is done, to what, in which volume. */
export interface VolumeOperation {
  readonly operation: 'list' | 'open' | 'read' | 'remove' | 'write';
  readonly location: string;
  readonly path: string;
}

/** An error of the file system, as the storage says it; other errors stay what they are. */
export function explainVolumeError(error: unknown, { operation, location, path }: VolumeOperation): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error;
  const { reason, retryable, says } = MEANINGS[code] ?? meaning('StorageFailed', false, 'the file system refused it');
  return new StorageError(reason, `${operation} ${path} in ${location}: ${says} (${code})`, { retryable });
}

/** A call of the file system of which nothing is expected to be there: undefined when it is not. */
export async function orMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
