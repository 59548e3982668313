import { randomBytes } from 'node:crypto';
import type { BackupEncryption, BackupStorage } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { resolveStorage, type StorageSettings } from './storage-access.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const KEY = randomBytes(32).toString('base64');
const SECRETS: Record<string, Record<string, string>> = {
  s3: { 'access-key-id': base64('id\n'), 'secret-access-key': base64('se/cret\n'), 'ca.crt': base64('PEM') },
  junk: {
    'access-key-id': base64('id'),
    'secret-access-key': base64('secret'),
    junk: base64('x'.repeat(100_000)),
  },
  long: {
    'access-key-id': base64('id'),
    'secret-access-key': base64('secret'),
    'ca.crt': base64('x'.repeat(300_000)),
    key: base64('x'.repeat(300_000)),
  },
  half: { 'access-key-id': base64('id') },
  keys: { key: base64(KEY), next: base64(`${KEY}\n`), short: base64('AAAA') },
};
const settings: StorageSettings = {
  permittedSecrets: new Set(['s3', 'half', 'keys', 'absent', 'junk', 'long']),
  volumeDirectory: '/backups',
  podIdentity: false,
};
const resolve = (
  storage: BackupStorage,
  {
    key,
    kms,
    ...more
  }: Partial<StorageSettings> & { key?: { name: string; key?: string }; kms?: BackupEncryption['kms'] } = {},
) =>
  resolveStorage(
    'shop',
    { storage, ...((key || kms) && { encryption: { ...(key && { secretRef: key }), ...(kms && { kms }) } }) },
    { ...settings, ...more },
    (name) => Promise.resolve(SECRETS[name]),
  );
const problemOf = async (...args: Parameters<typeof resolve>): Promise<unknown> => {
  const resolved = await resolve(...args);
  return resolved.ok ? undefined : resolved.problem;
};

const rootOf = async (storage: BackupStorage): Promise<unknown> => {
  const resolved = await resolve(storage);
  return resolved.ok && resolved.access.spec;
};

const withPodIdentity = async (prefix?: string): Promise<unknown> => {
  const found = await resolve({ s3: { bucket: 'b', ...(prefix && { prefix }) } }, { podIdentity: true });
  return found.ok && [found.access.spec, found.access.namespacePath];
};

describe('a storage', () => {
  it('in S3: every field reaches the client, and the keys of its Secret are the credentials', async () => {
    const s3 = {
      bucket: 'shop-backups',
      prefix: 'prod',
      region: 'eu-central-1',
      endpoint: 'https://minio.example:9000',
      forcePathStyle: true,
      serverSideEncryption: { algorithm: 'aws:kms', kmsKeyId: 'alias/backups' },
      objectLock: { mode: 'Governance', days: 30 },
    } as const;
    expect(await resolve({ s3: { ...s3, secretRef: { name: 's3' } } })).toEqual({
      ok: true,
      access: {
        spec: { s3 },
        credentials: { 'access-key-id': 'id', 'secret-access-key': 'se/cret', 'ca.crt': 'PEM' },
        namespacePath: 'shop/',
        shared: false,
      },
    });
  });

  // Wall 1: whoever writes the Secret decides how large it is.
  it('in S3 has of its Secret what it knows, and nothing else', async () => {
    const found = await resolve({ s3: { bucket: 'b', secretRef: { name: 'junk' } } });
    expect(found.ok && found.access.credentials).toEqual({ 'access-key-id': 'id', 'secret-access-key': 'secret' });
  });

  it('on the volume lies in the folder of the namespace, below path where that is given', async () => {
    expect(await rootOf({ volume: {} })).toEqual({ volume: { root: '/backups', path: 'shop' } });
    expect(await rootOf({ volume: { path: 'a/b' } })).toEqual({ volume: { root: '/backups', path: 'shop/a/b' } });
  });

  it('without a Secret is reached with the identity of the pod, if the chart says so, and is shared then', async () => {
    const storage = { s3: { bucket: 'shop-backups' } };
    expect(await problemOf(storage)).toMatchObject({
      reason: 'StorageNotPermitted',
      message: expect.stringContaining('storage.podIdentity'),
    });
    expect(await resolve(storage, { podIdentity: true })).toMatchObject({ access: { shared: true, credentials: {} } });
  });

  // Wall 1: a namespace of the name of another one's prefix reads nothing of that one.
  it('with the identity of the pod begins with the folder of the namespace, whatever its prefix is', async () => {
    expect(await withPodIdentity()).toEqual([{ s3: { bucket: 'b', prefix: 'shop' } }, '']);
    expect(await withPodIdentity('prod')).toEqual([{ s3: { bucket: 'b', prefix: 'shop/prod' } }, '']);
  });

  it.each([
    ['SecretNotPermitted', { s3: { bucket: 'b', secretRef: { name: 'redis' } } }, 'storage.secretNames'],
    ['SecretNotFound', { s3: { bucket: 'b', secretRef: { name: 'absent' } } }, 'Secret shop/absent'],
    ['SecretInvalid', { s3: { bucket: 'b', secretRef: { name: 'half' } } }, 'no key secret-access-key'],
    ['SecretInvalid', { s3: { bucket: 'b', secretRef: { name: 'long' } } }, 'key ca.crt: it has more than 256 KiB'],
  ])('says why it cannot be reached: %s', async (reason, storage, message) => {
    expect(await problemOf(storage)).toEqual({ reason, message: expect.stringContaining(message) });
  });

  it('says that there is no volume', async () => {
    expect(await problemOf({ volume: {} }, { volumeDirectory: '' })).toMatchObject({ reason: 'StorageNotPermitted' });
  });
});

describe('the key of a backup', () => {
  it('is the one of the Secret that encryption names, by the key that it names', async () => {
    for (const key of [{ name: 'keys' }, { name: 'keys', key: 'next' }]) {
      const resolved = await resolve({ volume: {} }, { key });
      expect(resolved.ok && (await resolved.access.openKey?.())?.id).toMatch(/^secret:[0-9a-f]{16}$/);
    }
  });

  it('is one of AWS KMS, with the credentials of the Secret that kms names, in its region and at its endpoint', async () => {
    const kms = {
      keyId: 'alias/backups',
      region: 'eu-west-1',
      endpoint: 'https://kms.example',
      secretRef: { name: 's3' },
    };
    const resolved = await resolve({ volume: {} }, { kms });
    expect(resolved.ok && (await resolved.access.openKey?.())?.id).toBe('kms:alias/backups');
    expect(await problemOf({ volume: {} }, { kms: { keyId: 'k', secretRef: { name: 'half' } } })).toMatchObject({
      reason: 'SecretInvalid',
    });
    expect(await problemOf({ volume: {} }, { kms: { keyId: 'k' } })).toMatchObject({ reason: 'StorageNotPermitted' });
  });

  it.each([
    ['EncryptionKeyInvalid', { name: 'keys', key: 'other' }, 'no key other'],
    ['EncryptionKeyInvalid', { name: 'keys', key: 'short' }, 'is not 32 bytes in base64'],
    ['EncryptionKeyInvalid', { name: 'long' }, 'key key: it has more than 256 KiB'],
    ['SecretNotPermitted', { name: 'redis' }, 'spec.encryption.secretRef names Secret redis'],
  ])('says what is wrong with it: %s, %j', async (reason, key, message) => {
    const problem = await problemOf({ volume: {} }, { key });
    expect(problem).toEqual({ reason, message: expect.stringContaining(message) });
    expect(JSON.stringify(problem)).not.toContain('AAAA');
  });
});
