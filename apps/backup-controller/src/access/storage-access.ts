import {
  DEFAULT_ENCRYPTION_KEY,
  helmValue,
  type BackupEncryption,
  type BackupStorage,
  type QueueBackupReason,
} from '@redis-queue/api';
import { BackupKeyError, secretKeys, type KeyWrapper, type StorageSpec } from '@redis-queue/backup';
import type { Problem } from '@redis-queue/controller';

/** What the chart lets the controller use. */
export interface StorageSettings {
  readonly permittedSecrets: ReadonlySet<string>;
  /** Folder of the volume; '': there is none. */
  readonly volumeDirectory: string;
  /** Whether a storage without a Secret is reached with the pod's own identity. */
  readonly podIdentity: boolean;
}

/** The data of a Secret, its values in base64; undefined: there is none of this name. */
export type ReadSecret = (name: string) => Promise<Readonly<Record<string, string>> | undefined>;

/** A storage, and the key of the backup in it, as the spec of an object names them. */
export interface StorageAccess {
  readonly spec: StorageSpec;
  /** By the keys of the Secret. */
  readonly credentials: Readonly<Record<string, string>>;
  /** The path that belongs to the namespace, with a slash at its end; '': the storage is the namespace's alone. */
  readonly namespacePath: string;
  /** Whether the credentials are the controller's own, so that nothing but `namespacePath` is the namespace's. */
  readonly shared: boolean;
  readonly key?: KeyWrapper;
}

export type StorageAccessReason = Extract<
  QueueBackupReason,
  'SecretNotFound' | 'SecretNotPermitted' | 'SecretInvalid' | 'StorageNotPermitted' | 'EncryptionKeyInvalid'
>;

export type ResolvedStorage =
  | { readonly ok: true; readonly access: StorageAccess }
  | { readonly ok: false; readonly problem: Problem<StorageAccessReason> };

const APP = 'backup-controller';

/**
 * How the storage of an object is reached.
 *
 * @param readSecret reads one of the namespace; only permitted ones are asked for.
 * @throws what `readSecret` throws.
 */
export async function resolveStorage(
  namespace: string,
  { storage, encryption }: { readonly storage: BackupStorage; readonly encryption?: BackupEncryption | undefined },
  settings: StorageSettings,
  readSecret: ReadSecret,
): Promise<ResolvedStorage> {
  const place = await placeOf(namespace, storage, settings, readSecret);
  if (!place.ok || !encryption) return place;
  const key = await keyOf(namespace, encryption, settings, readSecret);
  return 'problem' in key
    ? { ok: false, problem: key.problem }
    : { ok: true, access: { ...place.access, key: key.key } };
}

async function placeOf(
  namespace: string,
  { s3, volume }: BackupStorage,
  settings: StorageSettings,
  readSecret: ReadSecret,
): Promise<ResolvedStorage> {
  if (!s3) {
    const { volumeDirectory: root } = settings;
    if (root === '')
      return refuse(
        'StorageNotPermitted',
        `spec.storage is the volume of the ${APP}, which has none; set ${helmValue(APP, 'storage.volume.claimName')}, or use s3`,
      );
    const path = volume?.path === undefined ? namespace : `${namespace}/${volume.path}`;
    return accessTo({ spec: { volume: { root, path } }, credentials: {}, namespacePath: '', shared: false });
  }
  const { secretRef, ...spec } = s3;
  const namespacePath = `${namespace}/`;
  if (!secretRef) {
    if (settings.podIdentity) return accessTo({ spec: { s3: spec }, credentials: {}, namespacePath, shared: true });
    return refuse(
      'StorageNotPermitted',
      `spec.storage.s3 names no secretRef, and the ${APP} lends nobody the identity of its pod; name a Secret, or set ${helmValue(APP, 'storage.podIdentity')}`,
    );
  }
  const secret = await permitted(namespace, secretRef.name, 'spec.storage.s3.secretRef', settings, readSecret);
  if ('problem' in secret) return { ok: false, problem: secret.problem };
  const missing = ['access-key-id', 'secret-access-key'].find((key) => secret.data[key] === undefined);
  if (missing !== undefined)
    return refuse('SecretInvalid', `Secret ${namespace}/${secretRef.name} has no key ${missing}; add it`);
  return accessTo({ spec: { s3: spec }, credentials: textsOf(secret.data), namespacePath, shared: false });
}

async function keyOf(
  namespace: string,
  { secretRef: { name, key = DEFAULT_ENCRYPTION_KEY } }: BackupEncryption,
  settings: StorageSettings,
  readSecret: ReadSecret,
): Promise<{ readonly key: KeyWrapper } | { readonly problem: Problem<StorageAccessReason> }> {
  const secret = await permitted(namespace, name, 'spec.encryption.secretRef', settings, readSecret);
  if ('problem' in secret) return secret;
  const value = secret.data[key];
  const where = `Secret ${namespace}/${name}`;
  if (value === undefined)
    return { problem: { reason: 'EncryptionKeyInvalid', message: `${where} has no key ${key}; add it` } };
  try {
    return { key: secretKeys(textOf(value)) };
  } catch (error) {
    if (!(error instanceof BackupKeyError)) throw error;
    return { problem: { reason: 'EncryptionKeyInvalid', message: `${where}, key ${key}: ${error.message}` } };
  }
}

async function permitted(
  namespace: string,
  name: string,
  field: string,
  { permittedSecrets }: StorageSettings,
  readSecret: ReadSecret,
): Promise<{ readonly data: Readonly<Record<string, string>> } | { readonly problem: Problem<StorageAccessReason> }> {
  if (!permittedSecrets.has(name)) {
    const names = [...permittedSecrets].join(', ') || 'no Secret';
    const message = `${field} names Secret ${name}, which the ${APP} may not read; add it to ${helmValue(APP, 'storage.secretNames')}; now: ${names}`;
    return { problem: { reason: 'SecretNotPermitted', message } };
  }
  const data = await readSecret(name);
  if (data) return { data };
  return {
    problem: {
      reason: 'SecretNotFound',
      message: `${field} names Secret ${namespace}/${name}, which does not exist; create it`,
    },
  };
}

function textsOf(data: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, textOf(value)]));
}

function textOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

function accessTo(access: StorageAccess): ResolvedStorage {
  return { ok: true, access };
}

function refuse(reason: StorageAccessReason, message: string): ResolvedStorage {
  return { ok: false, problem: { reason, message } };
}
