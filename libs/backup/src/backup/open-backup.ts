import { BackupKeys } from '../encryption/data-key.ts';
import type { KeyWrapper } from '../encryption/key-wrapper.ts';
import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { BackupKeyError } from '../errors/backup-key-error.ts';
import { isPartPath, manifestPath, partPath, prefixOf } from '../manifest/layout.ts';
import { checkIntegrity, sha256Of } from '../manifest/manifest-text.ts';
import { readManifest } from '../manifest/read-manifest.ts';
import type { Manifest, QueueEntry } from '../manifest/schema.ts';
import { recordsOf, type JsonRecord } from '../parts/lines.ts';
import type { Storage } from '../storage/storage.ts';
import { BackupParts, type CheckedPart, type PartPlace } from './backup-parts.ts';

export interface OpenOptions {
  /** Absent: the backup has to be one that is not encrypted. With a key, it has to be one that is. */
  readonly key?: KeyWrapper;
  /** What `finish` gave. Without it an older backup in the place of this one, or a forged one, is not noticed. */
  readonly manifestSha256?: string;
  readonly signal: AbortSignal;
}

/**
 * Opens the backup in a directory: its manifest is checked, and that exactly the parts that it names are there.
 * @throws {BackupDamagedError}, {BackupKeyError}, {BackupVersionError}; {StorageError}.
 */
export async function openBackup(storage: Storage, directory: string, options: OpenOptions): Promise<OpenBackup> {
  const { key, manifestSha256, signal } = options;
  const path = manifestPath(directory);
  const { manifest, text } = await readManifest(storage, directory, signal);
  const sha256 = sha256Of(text);
  if (manifestSha256 !== undefined && sha256 !== manifestSha256) {
    const what = `has the SHA-256 ${sha256} instead of ${manifestSha256}: it is not the manifest of the backup that was asked for`;
    throw new BackupDamagedError(path, 'ManifestUnexpected', what);
  }
  const keys = await keysOf(manifest, key, path);
  checkIntegrity(text, path, keys);
  await checkObjects(storage, directory, manifest, signal);
  return new OpenBackup(manifest, sha256, new BackupParts(storage, directory, manifest, keys, signal));
}

/** A backup whose manifest is as it was written. Its parts are checked one by one, as they are read. */
export class OpenBackup {
  readonly manifest: Manifest;
  readonly manifestSha256: string;
  readonly #parts: BackupParts;

  constructor(manifest: Manifest, manifestSha256: string, parts: BackupParts) {
    this.manifest = manifest;
    this.manifestSha256 = manifestSha256;
    this.#parts = parts;
  }

  /**
   * Reads and checks every part.
   * @param onPart is called after each.
   */
  async verify(onPart: (part: PartPlace) => void = () => undefined): Promise<void> {
    const all = this.manifest.queues.flatMap((queue) => placesOf(queue));
    for await (const part of this.#parts.inOrder(all)) onPart(part);
  }

  /**
   * The records of a queue in order. A batch is of one part, which was checked as a whole before.
   * @param fromPart to begin with that part, from 1.
   */
  async *records(queueName: string, { fromPart = 1 } = {}): AsyncGenerator<readonly JsonRecord[]> {
    for await (const { lines, path } of this.#checked(queueName, fromPart)) {
      try {
        yield* recordsOf(lines);
      } catch (cause) {
        throw new BackupDamagedError(path, 'PartNotReadable', 'has a line that is no record', cause);
      }
    }
  }

  /** The same as lines of JSON, many at once, without a look into them. */
  async *lines(queueName: string): AsyncGenerator<Uint8Array> {
    for await (const { lines } of this.#checked(queueName, 1)) yield lines;
  }

  #checked(queueName: string, fromPart: number): AsyncGenerator<CheckedPart> {
    const queue = this.manifest.queues.find(({ name }) => name === queueName);
    if (!queue) throw new RangeError(`the backup has no queue ${queueName}`);
    return this.#parts.inOrder(placesOf(queue, fromPart));
  }
}

function placesOf(queue: QueueEntry, fromPart = 1): PartPlace[] {
  return [...queue.parts.keys()].map((index) => ({ queue, number: index + 1 })).slice(fromPart - 1);
}

/** Who gives a key wants what only its holder can have written; nothing else is as good. */
async function keysOf(
  { backupId, encryption }: Manifest,
  key: KeyWrapper | undefined,
  path: string,
): Promise<BackupKeys | undefined> {
  if (!encryption && key) {
    const message = `${path} is of a backup that is not encrypted, although a key was given: anybody who can write to the storage can have made it; leave the key out if that is right`;
    throw new BackupKeyError('NotEncrypted', message);
  }
  if (!encryption) return undefined;
  if (!key) {
    throw new BackupKeyError(
      'KeyMissing',
      `${path} is of a backup that is encrypted; give the key ${encryption.keyId}`,
    );
  }
  const wrapped = Buffer.from(encryption.wrappedKey, 'base64');
  const dataKey = await key.unwrap(wrapped, { backupId }, encryption.keyId).catch((error: unknown) => {
    if (!(error instanceof BackupKeyError)) throw error;
    throw new BackupKeyError(error.reason, `${path}: ${error.message}`, error);
  });
  return BackupKeys.derive(dataKey);
}

/** A part that is missing is noticed before the first record is given out, and one too many at all. */
async function checkObjects(
  storage: Storage,
  directory: string,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  const expected = new Map(
    manifest.queues
      .flatMap((queue) => placesOf(queue))
      .map(({ queue, number }) => [partPath(directory, queue, number), queue.parts[number - 1]!.storedBytes]),
  );
  for await (const { path, bytes } of storage.list(prefixOf(directory), { signal })) {
    const storedBytes = expected.get(path);
    if (storedBytes === undefined && isPartPath(path)) {
      throw new BackupDamagedError(path, 'PartUnexpected', 'is there, and the manifest does not name it');
    }
    if (storedBytes !== undefined && storedBytes !== bytes) {
      throw new BackupDamagedError(path, 'PartSizeDiffers', `has ${bytes} bytes instead of ${storedBytes}`);
    }
    expected.delete(path);
  }
  const [missing] = expected.keys();
  if (missing !== undefined) {
    throw new BackupDamagedError(missing, 'PartMissing', 'does not exist, and the manifest names it');
  }
}
