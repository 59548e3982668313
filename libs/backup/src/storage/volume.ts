import { randomBytes } from 'node:crypto';
import { rename, unlink, type FileHandle } from 'node:fs/promises';
import { abortable } from './deadline.ts';
import { namesOf, unfinishedName } from './object-path.ts';
import type { VolumeSpec } from './storage-spec.ts';
import { ObjectNotFoundError, StorageError, type Storage } from './storage.ts';
import { VolumeDirectory } from './volume-directory.ts';
import { orMissing, type VolumeOperation } from './volume-errors.ts';
import { createFile, openFile, removeFile, removeIfEmpty } from './volume-files.ts';
import { listFiles } from './volume-listing.ts';
import { step, type StepLimits } from './volume-steps.ts';

const READ_BYTES = 256 * 1_024;

export interface VolumeOptions {
  /** How long one call of the file system may take, ms. */
  readonly stallMs: number;
  readonly now: () => number;
}

type About = VolumeOperation & StepLimits;

/**
 * Files below a directory. The root has to be there; directories below it are made and removed as files come and go.
 * @throws {StorageError} when the root is not there, or `path` could lead out of it.
 */
export async function openVolume({ root, path }: VolumeSpec, options: VolumeOptions): Promise<Storage> {
  const volume = new Volume(root, path === undefined ? [] : namesOf(path, 'the path of the volume'), options);
  await volume.check();
  return volume;
}

class Volume implements Storage {
  readonly location: string;
  readonly #root: string;
  readonly #base: readonly string[];
  readonly #options: VolumeOptions;
  readonly #closed = new AbortController();

  constructor(root: string, base: readonly string[], options: VolumeOptions) {
    this.#root = root;
    this.#base = base;
    this.#options = options;
    this.location = `file://${[root.replace(/\/+$/, ''), ...base].join('/')}`;
  }

  async check(): Promise<void> {
    const directory = await step(
      () => VolumeDirectory.open(this.#root),
      this.#about('open', '.', this.#closed.signal),
      (late) => late.close(),
    );
    release(directory);
  }

  async put(path: string, body: AsyncIterable<Uint8Array>, { signal }: { signal: AbortSignal }): Promise<void> {
    const { directories, name } = this.#place(path);
    const about = this.#about('write', path, signal);
    const unfinished = unfinishedName(name, randomBytes(4).toString('hex'));
    const { directory, file } = await step(
      () => createFile(this.#root, directories, unfinished),
      about,
      async (late) => {
        await late.file.close();
        await unlink(late.directory.at(unfinished));
        await late.directory.close();
      },
    );
    try {
      await fill(file, body, about);
      // What is renamed is whole on the disk: a loss of power leaves all of it, or nothing under this name.
      await step(() => file.sync(), about);
      await step(() => rename(directory.at(unfinished), directory.at(name)), about);
      await step(() => directory.sync(), about);
    } catch (error) {
      await this.#takeBack(directory, unfinished, { ...about, signal: new AbortController().signal }, file);
      throw error;
    } finally {
      release(file);
      release(directory);
    }
  }

  async *get(
    path: string,
    { signal, maxBytes = Infinity }: { signal: AbortSignal; maxBytes?: number },
  ): AsyncGenerator<Uint8Array, void> {
    const { directories, name } = this.#place(path);
    const about = this.#about('read', path, signal);
    const fail = (why: string): StorageError =>
      new StorageError('StorageFailed', `read ${path} in ${this.location}: ${why}`, { retryable: false });
    const file = await step(
      () => openFile(this.#root, directories, name),
      about,
      async (late) => late?.close(),
    );
    if (!file) throw new ObjectNotFoundError(path, this.location);
    try {
      const stat = await step(() => file.stat(), about);
      if (!stat.isFile()) throw fail('it is no file');
      if (stat.size > maxBytes) throw fail(`its ${stat.size} bytes are more than the ${maxBytes} that are read of it`);
      for (let left = stat.size; left > 0;) {
        const { bytesRead, buffer } = await step(
          () => file.read(Buffer.allocUnsafe(Math.min(left, READ_BYTES))),
          about,
        );
        if (bytesRead === 0) throw fail(`it ended ${left} bytes before its size`);
        left -= bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      release(file);
    }
  }

  async *list(
    prefix: string,
    { signal }: { signal: AbortSignal },
  ): AsyncGenerator<{ path: string; bytes: number }, void> {
    const about = this.#about('list', prefix, signal);
    const path = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const names = path === '' ? [] : namesOf(path.slice(0, -1));
    const directory = await step(
      () => orMissing(VolumeDirectory.walk(this.#root, [...this.#base, ...names])),
      about,
      async (late) => late?.close(),
    );
    if (directory) yield* listFiles(directory, path, prefix, about);
  }

  async remove(path: string, { signal }: { signal: AbortSignal }): Promise<void> {
    const { directories, name } = this.#place(path);
    const about = this.#about('remove', path, signal);
    await step(() => removeFile(this.#root, directories, name), about);
    for (let depth = directories.length; depth > 0; depth--) {
      const names = directories.slice(0, depth);
      if (!(await step(() => removeIfEmpty(this.#root, names, this.#options.now()), about))) return;
    }
  }

  close(): void {
    this.#closed.abort(new StorageError('StorageFailed', `${this.location} was closed`, { retryable: false }));
  }

  #place(path: string): { directories: string[]; name: string } {
    const names = [...this.#base, ...namesOf(path)];
    return { directories: names.slice(0, -1), name: names.at(-1)! };
  }

  #about(operation: About['operation'], path: string, signal: AbortSignal): About {
    const { location } = this;
    const { stallMs } = this.#options;
    return { operation, path, location, stallMs, signal: AbortSignal.any([signal, this.#closed.signal]) };
  }

  /**
   * Removes an unfinished file as well as it can: one that stays goes with its directory.
   *
   * @param file where it is open: its space is free once it is closed, too.
   */
  async #takeBack(directory: VolumeDirectory, name: string, about: About, file?: FileHandle): Promise<void> {
    const remove = async (): Promise<void> => {
      await orMissing(unlink(directory.at(name)));
      await file?.close();
    };
    await step(remove, about).catch(() => undefined);
  }
}

async function fill(file: FileHandle, body: AsyncIterable<Uint8Array>, about: About): Promise<void> {
  for await (const chunk of abortable(body, about.signal)) {
    for (let written = 0; written < chunk.length;) {
      const { bytesWritten } = await step(() => file.write(chunk, written), about);
      written += bytesWritten;
    }
  }
}

/** Not waited for: on a file server that does not answer, closing hangs as well. */
function release(handle: { close(): Promise<void> }): void {
  void handle.close().catch(() => undefined);
}
