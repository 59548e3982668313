import { constants, type Dir } from 'node:fs';
import { mkdir, open, opendir, type FileHandle } from 'node:fs/promises';
import { StorageError } from './storage.ts';
import { orMissing } from './volume-errors.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/** Readable for its group as well, so that a pod of the same fsGroup can look at it. */
const DIRECTORY_MODE = 0o750;

/**
 * A directory that is open. What is in it is named by way of its descriptor (`/proc/self/fd`, so on Linux only), as by
 * openat(2): whatever somebody makes of the path meanwhile, a symlink of theirs is never followed.
 */
export class VolumeDirectory {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** @param root may be a symlink, or have some on its way: whoever runs this process names it. */
  static async open(root: string): Promise<VolumeDirectory> {
    const handle = await orMissing(open(root, O_RDONLY | O_DIRECTORY));
    if (handle) return new VolumeDirectory(handle);
    const says = `${root} is not there; mount a volume at it`;
    throw new StorageError('StorageUnreachable', says, { retryable: true });
  }

  /**
   * Opens what `names` lead to from `root`. Fails with ENOENT when one of them is missing.
   * @param create makes those that are missing.
   */
  static async walk(root: string, names: readonly string[], create = false): Promise<VolumeDirectory> {
    let here = await VolumeDirectory.open(root);
    for (const name of names) {
      const parent = here;
      try {
        here = await (create ? parent.#enterOrMake(name) : parent.enter(name));
      } finally {
        await parent.close();
      }
    }
    return here;
  }

  /** A path to something in it. If that is a symlink, only the flags of a call keep it from being followed. */
  at(name: string): string {
    return `/proc/self/fd/${this.#handle.fd}/${name}`;
  }

  async enter(name: string): Promise<VolumeDirectory> {
    return new VolumeDirectory(await open(this.at(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  }

  entries(): Promise<Dir> {
    return opendir(this.at('.'));
  }

  /** A name that was given or taken away in it outlives a loss of power. */
  sync(): Promise<void> {
    return this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #enterOrMake(name: string): Promise<VolumeDirectory> {
    const there = await orMissing(this.enter(name));
    if (there) return there;
    try {
      await mkdir(this.at(name), DIRECTORY_MODE);
      await this.sync();
    } catch (error) {
      // Another process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    return await this.enter(name);
  }
}
