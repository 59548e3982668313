import { constants } from 'node:fs';
import { lstat, open, rmdir, unlink, type FileHandle } from 'node:fs/promises';
import { isUnfinished } from './object-path.ts';
import { VolumeDirectory } from './volume-directory.ts';
import { orMissing } from './volume-errors.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const FILE_MODE = 0o640;

/** A directory that another process removes while a file is created in it is made again, so often. */
const TRIES = 3;

/** What a crash left goes with its directory, once it is so old that nobody writes it any more. */
const ABANDONED_MS = 3_600_000;
const MAX_ABANDONED = 100;

/** A new file in the directory that `names` lead to, and that directory; both are open. */
export async function createFile(
  root: string,
  names: readonly string[],
  name: string,
): Promise<{ directory: VolumeDirectory; file: FileHandle }> {
  for (let attempt = 1; ; attempt++) {
    const directory = await VolumeDirectory.walk(root, names, true);
    try {
      const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
      return { directory, file: await open(directory.at(name), flags, FILE_MODE) };
    } catch (error) {
      await directory.close();
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === TRIES) throw error;
    }
  }
}

/** A file to read, or undefined when it is not there. One that is a pipe or a device does not block. */
export async function openFile(root: string, names: readonly string[], name: string): Promise<FileHandle | undefined> {
  const directory = await orMissing(VolumeDirectory.walk(root, names));
  if (!directory) return undefined;
  try {
    return await orMissing(open(directory.at(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  } finally {
    await directory.close();
  }
}

/** Removes a file, if it is there. */
export async function removeFile(root: string, names: readonly string[], name: string): Promise<void> {
  const directory = await orMissing(VolumeDirectory.walk(root, names));
  if (!directory) return;
  try {
    await orMissing(unlink(directory.at(name)));
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Removes the directory that `names` lead to if nothing is in it, or nothing but what a crash left.
 * @returns whether it is gone.
 */
export async function removeIfEmpty(root: string, names: readonly string[], nowMs: number): Promise<boolean> {
  const parent = await orMissing(VolumeDirectory.walk(root, names.slice(0, -1)));
  if (!parent) return true;
  try {
    const path = parent.at(names.at(-1)!);
    if (await isGone(path)) return true;
    const directory = await orMissing(parent.enter(names.at(-1)!));
    if (!directory) return true;
    try {
      await removeAbandoned(directory, nowMs);
    } finally {
      await directory.close();
    }
    return await isGone(path);
  } finally {
    await parent.close();
  }
}

async function isGone(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes old unfinished files of a directory, unless something else is in it as well. */
async function removeAbandoned(directory: VolumeDirectory, nowMs: number): Promise<void> {
  const abandoned: string[] = [];
  for await (const { name } of await directory.entries()) {
    if (!isUnfinished(name) || abandoned.length === MAX_ABANDONED) return;
    const stat = await orMissing(lstat(directory.at(name)));
    if (stat && nowMs - stat.mtimeMs < ABANDONED_MS) return;
    abandoned.push(name);
  }
  for (const name of abandoned) await orMissing(unlink(directory.at(name)));
}
