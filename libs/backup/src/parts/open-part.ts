import { createHash, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdDecompress } from 'node:zlib';
import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { countLines } from './lines.ts';
import { MAX_WINDOW_LOG } from './part-limits.ts';
import { ENCRYPTED_MAGIC, NONCE_BYTES, partBinding, TAG_BYTES, type PartEntry, type PartIdentity } from './part.ts';

const decompress = promisify(zstdDecompress);

const MIN_CHUNK_BYTES = 1024;

export interface StoredPart {
  /** Path in the storage, for messages. */
  readonly path: string;
  readonly bytes: Buffer;
  /** What the manifest says of it. */
  readonly entry: PartEntry;
  readonly identity: PartIdentity;
}

/**
 * The lines of a stored part, once everything about it is as its manifest says: size, hash, authenticity and place,
 * inflated size, number of records. No more is inflated than the manifest says.
 *
 * @param key undefined for a backup that is not encrypted.
 * @throws {BackupDamagedError} with the part's path.
 */
export async function openPart(part: StoredPart, key: webcrypto.CryptoKey | undefined): Promise<Buffer> {
  const { path, bytes, entry } = part;
  if (bytes.length !== entry.storedBytes) {
    throw new BackupDamagedError(path, 'PartSizeDiffers', `has ${bytes.length} bytes instead of ${entry.storedBytes}`);
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== entry.sha256) {
    const what = `has the SHA-256 ${sha256}, and the manifest says ${entry.sha256}`;
    throw new BackupDamagedError(path, 'PartHashDiffers', what);
  }
  const lines = await inflate(part, key ? await decrypt(part, key) : bytes);
  const records = countLines(lines);
  if (records !== entry.records) {
    const found = records === undefined ? 'does not end with a line' : `has ${records} records`;
    throw new BackupDamagedError(path, 'PartCountDiffers', `${found}, and the manifest says ${entry.records} records`);
  }
  return lines;
}

async function decrypt({ path, bytes, identity }: StoredPart, key: webcrypto.CryptoKey): Promise<Uint8Array> {
  const header = ENCRYPTED_MAGIC.length + NONCE_BYTES;
  if (bytes.length < header + TAG_BYTES || !bytes.subarray(0, ENCRYPTED_MAGIC.length).equals(ENCRYPTED_MAGIC)) {
    throw new BackupDamagedError(path, 'PartNotAuthentic', 'is not encrypted, although its backup is');
  }
  const iv = bytes.subarray(ENCRYPTED_MAGIC.length, header);
  const parameters = { name: 'AES-GCM', iv, additionalData: partBinding(identity), tagLength: TAG_BYTES * 8 };
  try {
    return new Uint8Array(await webcrypto.subtle.decrypt(parameters, key, bytes.subarray(header)));
  } catch (cause) {
    const what = `was not encrypted for this place (queue ${identity.queue}, part ${identity.number}), or not with this backup's key`;
    throw new BackupDamagedError(path, 'PartNotAuthentic', what, cause);
  }
}

async function inflate({ path, entry }: StoredPart, compressed: Uint8Array): Promise<Buffer> {
  let lines: Buffer;
  try {
    lines = await decompress(compressed, {
      params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
      maxOutputLength: entry.bytes,
      // One byte more, so that all comes in one chunk and the end is seen.
      chunkSize: Math.max(MIN_CHUNK_BYTES, entry.bytes + 1),
    });
  } catch (cause) {
    const tooLong = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const what = tooLong ? `inflates to more than the ${entry.bytes} bytes of the manifest` : 'is no zstd frame';
    throw new BackupDamagedError(path, 'PartNotReadable', what, cause);
  }
  if (lines.length === entry.bytes) return lines;
  const what = `inflates to ${lines.length} bytes instead of ${entry.bytes}`;
  throw new BackupDamagedError(path, 'PartNotReadable', what);
}
