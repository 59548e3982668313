import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { BackupKeyError } from '../errors/backup-key-error.ts';
import { bindingOf } from './binding.ts';
import { KEY_BYTES } from './data-key.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import { secureRandom, type RandomBytes } from './random.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** 32 bytes in base64, with its padding. */
const BASE64_KEY = /^[A-Za-z0-9+/]{43}=$/;
/** More than anybody rotates at once; bounds what a hostile Secret costs. */
const MAX_KEYS = 20;

/**
 * Wraps with keys of one's own, by AES-256-GCM. Wrapped is the nonce (12 bytes), what is encrypted (32) and the tag (16).
 *
 * @param text 32 bytes in base64 on each line, such as `openssl rand -base64 32` prints. The first key wraps, each opens
 *   what it has wrapped: a new key is put before the others, and no backup has to be written again.
 * @throws {BackupKeyError} when a line is no key; the message says which.
 */
export function secretKeys(text: string, random: RandomBytes = secureRandom): KeyWrapper {
  const keys = new Map(parse(text).map((key) => [keyId(key), key]));
  const [[id, first]] = [...keys] as [[string, Buffer]];
  return {
    id,
    wrap: async (dataKey, context) => {
      const nonce = random(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', first, nonce).setAAD(contextBinding(context));
      return Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
    },
    unwrap: async (wrapped, context, wrappedBy) => {
      const key = keys.get(wrappedBy);
      if (!key) {
        const given = [...keys.keys()].join(', ');
        const message = `the backup was encrypted with key ${wrappedBy}, and given is ${given}; add that key`;
        throw new BackupKeyError('KeyUnknown', message);
      }
      try {
        return open(key, wrapped, context);
      } catch (cause) {
        const message = `key ${wrappedBy} does not open the data key of this backup: the manifest is not as it was written`;
        throw new BackupKeyError('KeyRefused', message, cause);
      }
    },
  };
}

function open(key: Buffer, wrapped: Uint8Array, context: Readonly<Record<string, string>>): Uint8Array {
  if (wrapped.length !== NONCE_BYTES + KEY_BYTES + TAG_BYTES) throw new Error(`${wrapped.length} bytes`);
  const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(contextBinding(context)).setAuthTag(wrapped.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}

function parse(text: string): Buffer[] {
  const lines = text.split(/\s+/).filter((line) => line !== '');
  const wayOut = 'give 32 bytes in base64 on each line, such as "openssl rand -base64 32" prints';
  if (lines.length === 0) throw new BackupKeyError('KeyInvalid', `there is no key: ${wayOut}`);
  if (lines.length > MAX_KEYS) {
    throw new BackupKeyError('KeyInvalid', `${lines.length} keys are more than ${MAX_KEYS}: leave out the oldest`);
  }
  const wrong = lines.findIndex((line) => !BASE64_KEY.test(line));
  if (wrong >= 0) {
    const message = `key ${wrong + 1} of ${lines.length} is not 32 bytes in base64: ${wayOut}`;
    throw new BackupKeyError('KeyInvalid', message);
  }
  return lines.map((line) => Buffer.from(line, 'base64'));
}

/** A one-way function of the key, so that a manifest may name it. */
function keyId(key: Buffer): string {
  return `secret:${createHmac('sha256', key).update('redis-queue backup key id').digest('hex').slice(0, 16)}`;
}

function contextBinding(context: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(context).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return bindingOf('redis-queue backup key', ...entries.flat());
}
