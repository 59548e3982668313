import { createHash } from 'node:crypto';

/** Name of the manifest in the directory of a backup. No directory of a queue has such a name. */
export const MANIFEST_NAME = 'manifest.json';

/** Directories of queues. No dot, so that none leads elsewhere; no capitals, because some file systems see none. */
export const QUEUE_DIRECTORY = /^[a-z0-9_=-]{1,200}$/;

const PLAIN = /[a-z0-9_-]/;
/** Longer names end in a hash, so that no file system refuses them. */
const MAX_PLAIN_LENGTH = 160;

/** The directory of a queue: its name where that is plain, and every other byte as `=` and two hexadecimal digits. */
export function queueDirectory(name: string): string {
  const escaped = [...Buffer.from(name, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return PLAIN.test(character) ? character : `=${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
  if (escaped.length <= MAX_PLAIN_LENGTH) return escaped;
  return `${escaped.slice(0, MAX_PLAIN_LENGTH)}=x${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** What every path in a directory begins with, and no other path; the empty directory is the storage itself. */
export function prefixOf(directory: string): string {
  return directory === '' ? '' : `${directory}/`;
}

export function manifestPath(directory: string): string {
  return `${directory}/${MANIFEST_NAME}`;
}

/** @param number from 1. */
export function partPath(directory: string, queue: { readonly directory: string }, number: number): string {
  return `${directory}/${queue.directory}/part-${String(number).padStart(5, '0')}`;
}

/** Whether a path has the form of a part's. */
export function isPartPath(path: string): boolean {
  return /\/part-\d{5,}$/.test(path);
}
