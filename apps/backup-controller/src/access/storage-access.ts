import {
  DEFAULT_ENCRYPTION_KEY,
  helmValue,
  type BackupEncryption,
  type BackupStorage,
  type QueueBackupReason,
} from '@redis-queue/api';
import { BackupKeyError, kmsKey, secretKeys, type KeyWrapper, type StorageSpec } from '@redis-queue/backup';
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

/** Opens the key of backups. That of a KMS is used when it wraps or unwraps, not before. */
export type OpenKey = () => Promise<KeyWrapper>;

/** A storage, and the key of the backup in it, as the spec of an object names them. */
export interface StorageAccess {
  readonly spec: StorageSpec;
  /** By the keys of the Secret. */
  readonly credentials: Readonly<Record<string, string>>;
  /** The path that belongs to the namespace, with a slash at its end; '': nothing else can be reached by this. */
  readonly namespacePath: string;
  /** Whether the credentials are the controller's own, which other namespaces use as well. */
  readonly shared: boolean;
  /** Gives the key of backups; absent: they are not encrypted. */
  readonly openKey?: OpenKey;
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
    : { ok: true, access: { ...place.access, openKey: key.openKey } };
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
  const own = await ownCredentials(namespace, secretRef, 'spec.storage.s3', settings, readSecret);
  if ('problem' in own) return { ok: false, problem: own.problem };
  if (!own.shared) return accessTo({ spec: { s3: spec }, namespacePath: `${namespace}/`, ...own });
  // Before the prefix, which the namespace chooses: behind it, one of the name of another's prefix would read that one's.
  const prefix = spec.prefix === undefined ? namespace : `${namespace}/${spec.prefix}`;
  return accessTo({ spec: { s3: { ...spec, prefix } }, namespacePath: '', ...own });
}

type KeyAccess = { readonly openKey: OpenKey } | { readonly problem: Problem<StorageAccessReason> };

async function keyOf(
  namespace: string,
  { secretRef, kms }: BackupEncryption,
  settings: StorageSettings,
  readSecret: ReadSecret,
): Promise<KeyAccess> {
  if (kms) return await kmsKeyOf(namespace, kms, settings, readSecret);
  const { name = '', key = DEFAULT_ENCRYPTION_KEY } = secretRef ?? {};
  const secret = await permitted(namespace, name, 'spec.encryption.secretRef', settings, readSecret);
  if ('problem' in secret) return secret;
  const value = secret.data[key];
  const where = `Secret ${namespace}/${name}`;
  if (value === undefined)
    return { problem: { reason: 'EncryptionKeyInvalid', message: `${where} has no key ${key}; add it` } };
  if (isTooLong(value))
    return { problem: { reason: 'EncryptionKeyInvalid', message: `${where}, key ${key}: ${TOO_LONG}` } };
  try {
    const wrapper = secretKeys(textOf(value));
    return { openKey: () => Promise.resolve(wrapper) };
  } catch (error) {
    if (!(error instanceof BackupKeyError)) throw error;
    return { problem: { reason: 'EncryptionKeyInvalid', message: `${where}, key ${key}: ${error.message}` } };
  }
}

async function kmsKeyOf(
  namespace: string,
  { secretRef, ...spec }: NonNullable<BackupEncryption['kms']>,
  settings: StorageSettings,
  readSecret: ReadSecret,
): Promise<KeyAccess> {
  const own = await ownCredentials(namespace, secretRef, 'spec.encryption.kms', settings, readSecret);
  if ('problem' in own) return own;
  const { credentials, shared } = own;
  return { openKey: () => kmsKey(spec, { credentials, defaultCredentialChain: shared, namespace }) };
}

type Credentials =
  | { readonly credentials: Readonly<Record<string, string>>; readonly shared: boolean }
  | { readonly problem: Problem<StorageAccessReason> };

/** Those of a Secret; without one the pod's own, where the chart lends them. */
async function ownCredentials(
  namespace: string,
  secretRef: { readonly name: string } | undefined,
  field: string,
  settings: StorageSettings,
  readSecret: ReadSecret,
): Promise<Credentials> {
  if (!secretRef) {
    if (settings.podIdentity) return { credentials: {}, shared: true };
    const message = `${field} names no secretRef, and the ${APP} lends nobody the identity of its pod; name a Secret, or set ${helmValue(APP, 'storage.podIdentity')}`;
    return { problem: { reason: 'StorageNotPermitted', message } };
  }
  const secret = await permitted(namespace, secretRef.name, `${field}.secretRef`, settings, readSecret);
  if ('problem' in secret) return secret;
  const where = `Secret ${namespace}/${secretRef.name}`;
  const missing = ['access-key-id', 'secret-access-key'].find((key) => secret.data[key] === undefined);
  if (missing !== undefined)
    return { problem: { reason: 'SecretInvalid', message: `${where} has no key ${missing}; add it` } };
  const long = CREDENTIALS.find((key) => isTooLong(secret.data[key]));
  if (long !== undefined) return { problem: { reason: 'SecretInvalid', message: `${where}, key ${long}: ${TOO_LONG}` } };
  return { credentials: textsOf(secret.data), shared: false };
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

/** The keys of a Secret that say who the controller is, whatever else it has. */
const CREDENTIALS = ['access-key-id', 'secret-access-key', 'session-token', 'ca.crt'];
/** Of a value; a bundle of CAs has some hundred kB at most. */
const LONGEST_BYTES = 262_144;
const TOO_LONG = `it has more than ${LONGEST_BYTES / 1_024} KiB, which no credential, key or bundle of CAs needs; correct it`;

function isTooLong(base64: string | undefined): boolean {
  return base64 !== undefined && base64.length > (LONGEST_BYTES / 3) * 4;
}

/** Whole texts without the line break that `kubectl create secret --from-file` takes along. */
function textsOf(data: Readonly<Record<string, string>>): Record<string, string> {
  const known = CREDENTIALS.map((key) => [key, data[key]] as const);
  return Object.fromEntries(known.flatMap(([key, value]) => (value === undefined ? [] : [[key, textOf(value).trim()]])));
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
