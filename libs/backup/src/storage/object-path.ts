import { StorageError } from './storage.ts';

/** Of a path with what stands before it, as S3 allows. */
const MAX_BYTES = 1_024;

/** Of one name: file systems take 255, of which 15 are for the name of an unfinished file. */
const MAX_NAME_BYTES = 240;

const UNFINISHED = /^\..*\.[0-9a-f]{8}\.tmp$/;

/** The name of a file that becomes `name` once it is whole. No path may have such a name in it. */
export function unfinishedName(name: string, random: string): string {
  return `.${name}.${random}.tmp`;
}

export function isUnfinished(name: string): boolean {
  return UNFINISHED.test(name);
}

/**
 * The names that a path is made of.
 * @param what names the path in the message, such as `storage.s3.prefix`.
 * @throws for a path that could leave the place it starts from, or that a storage cannot have.
 */
export function namesOf(path: string, what = 'the path'): string[] {
  const names = path.split('/');
  const wrong = Buffer.byteLength(path) > MAX_BYTES ? `is longer than ${MAX_BYTES} bytes` : problemOf(names);
  if (wrong === undefined) return names;
  throw new StorageError('StorageFailed', `${what} ${JSON.stringify(path.slice(0, MAX_BYTES))} ${wrong}`, {
    retryable: false,
  });
}

/** Whether `namesOf` would take a path. */
export function isPath(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_BYTES && problemOf(path.split('/')) === undefined;
}

function problemOf(names: readonly string[]): string | undefined {
  for (const name of names) {
    if (name === '') return 'has an empty name in it: no slash at its ends, no two in a row';
    if (name === '.' || name === '..') return `has "${name}" in it, which could lead elsewhere`;
    if (/\p{Cc}/u.test(name)) return 'has a control character in it';
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has a name of more than ${MAX_NAME_BYTES} bytes in it`;
    if (isUnfinished(name)) return `has "${name}" in it, a name for files that are being written`;
  }
  return undefined;
}
