import { createHash, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { secureRandom, type RandomBytes } from '../encryption/random.ts';
import { WINDOW_LOG } from './part-limits.ts';
import { ENCRYPTED_MAGIC, NONCE_BYTES, partBinding, TAG_BYTES, type PartEntry, type PartIdentity } from './part.ts';

const compress = promisify(zstdCompress);

const PARAMETERS = {
  [constants.ZSTD_c_compressionLevel]: constants.ZSTD_CLEVEL_DEFAULT,
  [constants.ZSTD_c_windowLog]: WINDOW_LOG,
};
/** Of zlib's output buffers. Pages that nothing is written to take no memory. */
const MIN_CHUNK_BYTES = 64 * 1024;

/** A part as it is stored. */
export interface SealedPart extends PartEntry {
  /** In this order. */
  readonly chunks: readonly Uint8Array[];
}

/**
 * Compresses lines and, with a key, encrypts them; both in the thread pool.
 *
 * @param lines may be overwritten once this has settled.
 */
export async function sealPart(
  lines: Uint8Array,
  identity: PartIdentity,
  key: webcrypto.CryptoKey | undefined,
  random: RandomBytes = secureRandom,
): Promise<SealedPart> {
  // Half of the input holds most of what comes out in one chunk, so that nothing is copied together.
  const chunkSize = Math.max(MIN_CHUNK_BYTES, lines.length >> 1);
  const compressed = await compress(lines, { params: PARAMETERS, chunkSize });
  const chunks = key ? await encrypt(compressed, identity, key, random) : [compressed];
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return {
    chunks,
    records: identity.records,
    bytes: lines.length,
    storedBytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    sha256: hash.digest('hex'),
  };
}

async function encrypt(
  compressed: Uint8Array,
  identity: PartIdentity,
  key: webcrypto.CryptoKey,
  random: RandomBytes,
): Promise<Uint8Array[]> {
  const iv = random(NONCE_BYTES);
  const parameters = { name: 'AES-GCM', iv, additionalData: partBinding(identity), tagLength: TAG_BYTES * 8 };
  const encrypted = await webcrypto.subtle.encrypt(parameters, key, compressed);
  return [ENCRYPTED_MAGIC, iv, new Uint8Array(encrypted)];
}
