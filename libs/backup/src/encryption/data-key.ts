import { createHmac, hkdfSync, timingSafeEqual, webcrypto } from 'node:crypto';

/** Bytes of a data key and of the keys derived from it. */
export const KEY_BYTES = 32;

/** What the keys that are derived from a data key are for; each is the `info` of HKDF. */
const PARTS_INFO = 'redis-queue backup parts';
const MANIFEST_INFO = 'redis-queue backup manifest';

/** The keys of one backup, derived from its data key with HKDF-SHA-256, so that neither use can weaken the other. */
export class BackupKeys {
  /** For AES-256-GCM. */
  readonly parts: webcrypto.CryptoKey;
  readonly #manifest: Buffer;

  private constructor(parts: webcrypto.CryptoKey, manifest: Buffer) {
    this.parts = parts;
    this.#manifest = manifest;
  }

  static async derive(dataKey: Uint8Array): Promise<BackupKeys> {
    const derive = (info: string): Buffer => Buffer.from(hkdfSync('sha256', dataKey, '', info, KEY_BYTES));
    const usages = ['encrypt', 'decrypt'] as const;
    const parts = await webcrypto.subtle.importKey('raw', derive(PARTS_INFO), 'AES-GCM', false, [...usages]);
    return new BackupKeys(parts, derive(MANIFEST_INFO));
  }

  /** HMAC-SHA-256 of a manifest, as hexadecimal digits. */
  authenticate(manifest: string): string {
    return createHmac('sha256', this.#manifest).update(manifest).digest('hex');
  }

  isAuthentic(manifest: string, authentication: string): boolean {
    const expected = Buffer.from(this.authenticate(manifest));
    const given = Buffer.from(authentication);
    return expected.length === given.length && timingSafeEqual(expected, given);
  }
}
