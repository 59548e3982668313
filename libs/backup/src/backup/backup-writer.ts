import { BackupKeys, KEY_BYTES } from '../encryption/data-key.ts';
import type { KeyWrapper } from '../encryption/key-wrapper.ts';
import { secureRandom, type RandomBytes } from '../encryption/random.ts';
import { BackupTooLargeError } from '../errors/backup-too-large-error.ts';
import { DirectoryNotEmptyError } from '../errors/directory-not-empty-error.ts';
import { manifestPath, POINT_FOLDER, prefixOf, splitDirectory } from '../manifest/layout.ts';
import { MAX_MANIFEST_BYTES, MAX_PARTS, MAX_QUEUES, partsText } from '../manifest/manifest-limits.ts';
import { sealManifest, sha256Of } from '../manifest/manifest-text.ts';
import { BACKUP_ID, FORMAT, FORMAT_VERSIONS, type Manifest, type PreviousPoint } from '../manifest/schema.ts';
import type { Storage } from '../storage/storage.ts';
import { bodyOf } from './body.ts';
import { PartPipeline } from './part-pipeline.ts';
import { QueueWriter } from './queue-writer.ts';
import type { WriteContext } from './write-context.ts';

export interface BackupOptions {
  /** In the storage; has to be empty. */
  readonly directory: string;
  /** Of this backup alone, such as a uid: letters, digits, `_`, `.` and `-`. */
  readonly backupId: string;
  /**
   * Makes it an increment: of the jobs it has those that are new or have changed since that backup, which lies in the
   * directory beside it. The caller sees to it that everything else is in it as in a full one.
   */
  readonly previous?: PreviousPoint;
  /** Absent: nothing is encrypted. */
  readonly key?: KeyWrapper;
  readonly createdAt: Date;
  /** What is known of the backup beside its records; stands in the manifest. Nothing that must stay secret. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Ends the backup when it aborts, whatever is on its way. */
  readonly signal: AbortSignal;
  readonly random?: RandomBytes;
  /** Of lines per part; for tests. */
  readonly partBytes?: number;
  /** For tests as well. */
  readonly maxParts?: number;
}

/** A backup that is whole, and what shows later that it is this one. */
export interface FinishedBackup {
  readonly manifest: Manifest;
  /** Of the manifest as it is stored. */
  readonly sha256: string;
}

/** Writes one backup: the parts of its queues, and in the end the manifest, without which there is no backup. */
export class BackupWriter {
  readonly #context: WriteContext;
  readonly #options: BackupOptions;
  readonly #encryption: Manifest['encryption'];
  #queues: QueueWriter[] = [];

  private constructor(context: WriteContext, options: BackupOptions, encryption: Manifest['encryption']) {
    this.#context = context;
    this.#options = options;
    this.#encryption = encryption;
  }

  /** @throws {DirectoryNotEmptyError}, so that no backup is written over another. */
  static async create(storage: Storage, options: BackupOptions): Promise<BackupWriter> {
    const { directory, backupId, previous, key, signal, random = secureRandom } = options;
    if (!BACKUP_ID.test(backupId)) throw new TypeError(`the id of a backup matches ${BACKUP_ID.source}`);
    if (previous && (!POINT_FOLDER.test(previous.directory) || previous.directory === splitDirectory(directory).name))
      throw new TypeError(`the directory before ${directory} is the name of another one beside it`);
    for await (const { path } of storage.list(prefixOf(directory), { signal })) {
      throw new DirectoryNotEmptyError(storage.location, path);
    }
    const { maxParts = MAX_PARTS } = options;
    let parts = 0;
    const dataKey = key && random(KEY_BYTES);
    const context: WriteContext = {
      storage,
      directory,
      backupId,
      isIncrement: previous !== undefined,
      random,
      keys: dataKey && (await BackupKeys.derive(dataKey)),
      pipeline: new PartPipeline(signal, options.partBytes),
      signal,
      countPart: () => {
        parts += 1;
        if (parts > maxParts) throw new BackupTooLargeError(partsText(maxParts));
      },
    };
    const wrapped = key && dataKey && (await key.wrap(dataKey, { backupId }));
    const wrappedKey = wrapped && Buffer.from(wrapped).toString('base64');
    const encryption = key && wrappedKey ? { algorithm: 'AES-256-GCM' as const, keyId: key.id, wrappedKey } : undefined;
    return new BackupWriter(context, options, encryption);
  }

  /** @param name of the queue in this backup, which no other has. */
  queue(name: string): QueueWriter {
    if (name === '' || !name.isWellFormed()) throw new TypeError('a queue of a backup has a name, in Unicode');
    if (this.#queues.some((queue) => queue.name === name))
      throw new TypeError(`queue ${name} is in the backup already`);
    if (this.#queues.length === MAX_QUEUES) throw new BackupTooLargeError(`${MAX_QUEUES} queues`);
    const queue = new QueueWriter(this.#context, name);
    this.#queues.push(queue);
    return queue;
  }

  /**
   * Takes a queue out of the backup that could not be read to its end; it may be written again. The others stay.
   * @param beforeRemove is called before each of its parts is removed; what it throws ends that.
   */
  async discard(queue: QueueWriter, beforeRemove: () => void = () => undefined): Promise<void> {
    await queue.discard(beforeRemove);
    this.#queues = this.#queues.filter((each) => each !== queue);
  }

  /**
   * Writes the manifest. Every queue has to be closed.
   * @param more what became known meanwhile of the backup beside its records, to stand beside `about` in the manifest.
   */
  async finish(more: Readonly<Record<string, unknown>> = {}): Promise<FinishedBackup> {
    const { pipeline, keys, storage, directory } = this.#context;
    pipeline.throwIfFailed();
    const { backupId, createdAt, previous } = this.#options;
    const about = { ...this.#options.about, ...more };
    const queues = this.#queues.map(({ name, entry }) => {
      if (!entry) throw new Error(`queue ${name} of the backup is not closed`);
      return entry;
    });
    const { manifest, text } = sealManifest(
      {
        format: FORMAT,
        formatVersion: previous ? FORMAT_VERSIONS.increment : FORMAT_VERSIONS.full,
        backupId,
        createdAt: createdAt.toISOString(),
        about,
        ...(this.#encryption && { encryption: this.#encryption }),
        ...(previous && { previous }),
        queues,
      },
      keys,
    );
    const body = Buffer.from(text);
    if (body.length > MAX_MANIFEST_BYTES) throw new BackupTooLargeError(`a manifest of ${MAX_MANIFEST_BYTES} bytes`);
    await pipeline.begin((signal) => storage.put(manifestPath(directory), bodyOf(body), { signal }));
    await pipeline.settled();
    return { manifest, sha256: sha256Of(text) };
  }

  /** Ends what is on its way, its manifest included, and settles once nobody waits for it. What was written stays. */
  async abort(): Promise<void> {
    await this.#context.pipeline.abort();
  }
}
