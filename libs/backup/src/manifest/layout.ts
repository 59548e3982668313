import { createHash } from 'node:crypto';

/** Name of the manifest in the directory of a backup. No directory of a queue has such a name. */
export const MANIFEST_NAME = 'manifest.json';

/** Directories of queues. No dot, so that none leads elsewhere; no capitals, because some file systems see none. */
export const QUEUE_DIRECTORY = /^[a-z0-9_=-]{1,200}$/;

/** Directories of points within that of their chain: one step, so that none leads elsewhere. */
export const POINT_FOLDER = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}$/;

/** The most points that a chain has, the full backup at its beginning included. Bounds what a reader holds. */
export const MAX_CHAIN_POINTS = 1_001;

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

/** Name of the directory of a chain. @param number from 0. */
export function chainFolder(number: number): string {
  return `c${String(number).padStart(5, '0')}`;
}

/**
 * Name of the directory of a point within that of its chain.
 * @param point 0 is the full backup.
 * @param attempt as nobody has named one before, so that a late write of somebody else does not land in it.
 */
export function pointFolder(point: number, attempt: string): string {
  return `${pointPrefix(point)}${attempt}`;
}

/** What the directories of all attempts at a point begin with. */
export function pointPrefix(point: number): string {
  return `${String(point).padStart(6, '0')}-`;
}

/** The directory in which another one lies, and its name there. */
export function splitDirectory(directory: string): { readonly parent: string; readonly name: string } {
  const at = directory.lastIndexOf('/');
  return { parent: directory.slice(0, Math.max(at, 0)), name: directory.slice(at + 1) };
}

/** Whether a path has the form of a part's. */
export function isPartPath(path: string): boolean {
  return /\/part-\d{5,}$/.test(path);
}
