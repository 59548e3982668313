import { BackupKeys } from '../encryption/data-key.ts';
import type { KeyWrapper } from '../encryption/key-wrapper.ts';
import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { BackupKeyError } from '../errors/backup-key-error.ts';
import { manifestPath, MAX_CHAIN_POINTS, prefixOf, splitDirectory } from '../manifest/layout.ts';
import { checkIntegrity, sha256Of, type WrittenManifest } from '../manifest/manifest-text.ts';
import { readManifest } from '../manifest/read-manifest.ts';
import type { Manifest } from '../manifest/schema.ts';
import type { Storage } from '../storage/storage.ts';
import type { PartPlace, PartSource } from './read-parts.ts';

export interface OpenOptions {
  /** Absent: the backup has to be one that is not encrypted. With a key, it has to be one that is. */
  readonly key?: KeyWrapper;
  /** What `finish` gave. Without it an older backup in the place of this one, or a forged one, is not noticed. */
  readonly manifestSha256?: string;
  readonly signal: AbortSignal;
}

/** A backup whose manifest is as it was written. */
export interface ChainPoint {
  readonly directory: string;
  readonly manifest: Manifest;
  /** Of the manifest as it is stored. */
  readonly manifestSha256: string;
}

/** The same, with what its parts are opened by. */
export interface CheckedManifest {
  readonly manifest: Manifest;
  readonly sha256: string;
  readonly source: PartSource;
}

/**
 * The points of the chain to which a backup belongs, from this one back to the full one; a full backup alone is all of its
 * own. Each was checked before it is given out.
 *
 * @param directory of the newest of them.
 * @throws {BackupDamagedError}, {BackupKeyError}, {BackupVersionError}; {StorageError}.
 */
export async function* readChain(
  storage: Storage,
  directory: string,
  options: OpenOptions,
): AsyncGenerator<ChainPoint> {
  for await (const { manifest, sha256, source } of readManifests(storage, directory, options))
    yield { directory: source.directory, manifest, manifestSha256: sha256 };
}

/** One point alone, checked as `readChain` does; nothing before it is looked at. */
export async function readPoint(
  storage: Storage,
  directory: string,
  { key, manifestSha256, signal }: OpenOptions,
): Promise<ChainPoint> {
  const { manifest, sha256 } = await checked(await readExpected(storage, { directory, manifestSha256 }, signal), key);
  return { directory, manifest, manifestSha256: sha256 };
}

/**
 * The manifests of those points. Each names the one before it, so they are read one after the other; only the key of one
 * is asked for while the next is on its way. At most two are in memory.
 */
export async function* readManifests(
  storage: Storage,
  directory: string,
  { key, manifestSha256, signal: callerSignal }: OpenOptions,
): AsyncGenerator<CheckedManifest> {
  const ended = new AbortController();
  const signal = AbortSignal.any([callerSignal, ended.signal]);
  const names = new Set<string>();
  const newest: Expected = { directory, manifestSha256 };
  let reading: Promise<ReadManifest> | undefined = readExpected(storage, newest, signal);
  try {
    while (reading) {
      const read: ReadManifest = await reading;
      names.add(splitDirectory(read.place).name);
      const before = expectedBefore(read.manifest, read.place, names);
      reading = before && readExpected(storage, before, signal);
      reading?.catch(() => undefined); // is thrown where it is awaited, if it still is
      yield await checked(read, key);
    }
  } finally {
    ended.abort();
  }
}

/** The parts of one backup, in order. */
export function placesOf({ manifest, source }: CheckedManifest): PartPlace[] {
  return manifest.queues.flatMap((queue) =>
    queue.parts.map((entry, index) => ({ source, queue, number: index + 1, entry })),
  );
}

interface ReadManifest extends WrittenManifest {
  readonly sha256: string;
  readonly place: string;
}

/** What a manifest has to be. */
interface Expected {
  readonly directory: string;
  readonly manifestSha256?: string | undefined;
  readonly backupId?: string;
  /** Path of the manifest that says so; absent: the caller. */
  readonly namedBy?: string;
}

function expectedBefore({ previous }: Manifest, directory: string, names: ReadonlySet<string>): Expected | undefined {
  if (!previous) return undefined;
  const path = manifestPath(directory);
  if (names.has(previous.directory)) {
    const what = `names ${previous.directory} as the point before it, which comes after it in its chain`;
    throw new BackupDamagedError(path, 'ChainDamaged', what);
  }
  if (names.size >= MAX_CHAIN_POINTS) {
    const what = `is point ${names.size} of its chain, counted from the newest, and names one before it; a chain has ${MAX_CHAIN_POINTS} at most`;
    throw new BackupDamagedError(path, 'ChainDamaged', what);
  }
  const { parent } = splitDirectory(directory);
  return { ...previous, directory: `${prefixOf(parent)}${previous.directory}`, namedBy: path };
}

async function readExpected(
  storage: Storage,
  { directory, manifestSha256, backupId, namedBy }: Expected,
  signal: AbortSignal,
): Promise<ReadManifest> {
  const path = manifestPath(directory);
  const { manifest, text } = await readManifest(storage, directory, signal);
  const sha256 = sha256Of(text);
  if (manifestSha256 !== undefined && sha256 !== manifestSha256) {
    const asked = namedBy === undefined ? 'the backup that was asked for' : `the point that ${namedBy} names`;
    const what = `has the SHA-256 ${sha256} instead of ${manifestSha256}: it is not the manifest of ${asked}`;
    throw new BackupDamagedError(path, 'ManifestUnexpected', what);
  }
  if (backupId !== undefined && manifest.backupId !== backupId) {
    const what = `is of backup ${manifest.backupId}, and ${namedBy} names ${backupId}`;
    throw new BackupDamagedError(path, 'ManifestUnexpected', what);
  }
  return { manifest, text, sha256, place: directory };
}

/** A manifest as only who wrote it can have made it, with the keys of its parts. */
async function checked(
  { manifest, text, sha256, place }: ReadManifest,
  key: KeyWrapper | undefined,
): Promise<CheckedManifest> {
  const path = manifestPath(place);
  const keys = await keysOf(manifest, key, path);
  checkIntegrity(text, path, keys);
  return { manifest, sha256, source: { directory: place, backupId: manifest.backupId, keys } };
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
