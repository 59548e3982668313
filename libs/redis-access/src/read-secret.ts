import {
  connectionKey,
  parseCertificates,
  parseRedisSecret,
  type Certificates,
  type ParsedTarget,
  type TlsSpec,
} from '@redis-queue/bullmq';
import type { SecretObject } from './objects.ts';

export type SecretRead =
  Extract<ParsedTarget, { ok: false }> | (Extract<ParsedTarget, { ok: true }> & { targetKey: string });

/** Of asking for TLS with one Secret: more than one namespace has on purpose. */
export const MAX_WAYS = 1_000;

/**
 * By Secret, as a cache holds it, by that of the certificates, or the same again, and by how the queue asks for TLS;
 * forgotten with either object, so that a certificate which is renewed over and over leaves nothing behind.
 */
const reads = new WeakMap<SecretObject, WeakMap<SecretObject, Map<string, SecretRead>>>();
const certificates = new WeakMap<SecretObject, Certificates | string>();

/**
 * Reads a Secret once for each way in which queues ask for TLS: thousands of queues share a few. Objects of a cache are
 * never changed, so an object is its version.
 *
 * @param proof what `readCertificateSecret` read of the Secret that `tls.secretRef` names.
 */
export function readSecret(secret: SecretObject, tls: TlsSpec = {}, proof?: CertificateSecret): SecretRead {
  const way = [tls.enabled === true, tls.secretRef !== undefined, tls.serverName ?? ''].join(' ');
  const ofSecret = reads.get(secret) ?? new WeakMap<SecretObject, Map<string, SecretRead>>();
  const known = ofSecret.get(proof?.secret ?? secret);
  const read = known?.get(way);
  if (read) return read;
  const parsed = parseRedisSecret(secret.data, tls, proof?.certificates);
  const fresh = parsed.ok ? { ...parsed, targetKey: connectionKey(parsed.target) } : parsed;
  // A queue may ask in ever new ways; those that are in use are read again.
  if (known && known.size >= MAX_WAYS) known.clear();
  if (known) known.set(way, fresh);
  else ofSecret.set(proof?.secret ?? secret, new Map([[way, fresh]]));
  reads.set(secret, ofSecret);
  return fresh;
}

/** What a Secret of certificates holds. */
export interface CertificateSecret {
  readonly secret: SecretObject;
  readonly certificates: Certificates;
}

/** @returns a message that names the key at fault and never repeats a value; read once per version of the Secret. */
export function readCertificateSecret(secret: SecretObject): CertificateSecret | string {
  const known = certificates.get(secret);
  const read = known ?? parseCertificates(secret.data);
  if (known === undefined) certificates.set(secret, read);
  if (typeof read === 'string') return read;
  return { secret, certificates: read };
}
