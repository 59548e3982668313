import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Resource } from '../objects/resources.ts';
import type { Leaf, StoredCertificates, StoredLeaf } from './certificate-plan.ts';

/** A Secret of type kubernetes.io/tls, with `ca.crt`, as cert-manager writes it; the rest is ours alone. */
export interface CertificateSecret extends Resource {
  data?: Record<string, string>;
}

const KEYS = { cert: 'tls.crt', key: 'tls.key', bundle: 'ca.crt' } as const;
const NEXT = { cert: 'next.crt', key: 'next.key' } as const;
const PUBLISHED_AT = 'redis-queue.io/next-ca-published-at';
const SERVED_AT = 'redis-queue.io/served-at';
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

/** @returns undefined while the Secret has none. */
export function servingCertificate(secret: CertificateSecret | undefined): Omit<Leaf, 'ca'> | undefined {
  const [cert, key] = [textOf(secret, KEYS.cert), textOf(secret, KEYS.key)];
  return cert && key ? { cert, key } : undefined;
}

/** What a Secret holds, whoever wrote it. @param names that the leaves have to name. */
export function readCertificates(secret: CertificateSecret | undefined, names: readonly string[]): StoredCertificates {
  const bundle = (textOf(secret, KEYS.bundle).match(PEM) ?? []).map((pem) => `${pem.trimEnd()}\n`);
  const leafOf = ({ cert, key }: { cert: string; key: string }): StoredLeaf | undefined =>
    readLeaf({ cert: textOf(secret, cert), key: textOf(secret, key) }, bundle, names);
  return {
    served: leafOf(KEYS),
    next: leafOf(NEXT),
    bundle,
    publishedAtMs: timeOf(secret, PUBLISHED_AT),
    servedAtMs: timeOf(secret, SERVED_AT),
  };
}

/** For a merge patch: null takes the key away. */
const base64 = (text: string | undefined): string | null =>
  text === undefined ? null : Buffer.from(text).toString('base64');
const time = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

/** The merge patch that makes the Secret hold that; nothing when it is of an older version than was read. */
export function certificatesPatch(secret: CertificateSecret, stored: StoredCertificates): object {
  const { served, next, bundle, publishedAtMs, servedAtMs } = stored;
  return {
    metadata: {
      resourceVersion: secret.metadata.resourceVersion,
      annotations: { [PUBLISHED_AT]: time(publishedAtMs), [SERVED_AT]: time(servedAtMs) },
    },
    data: {
      [KEYS.cert]: base64(served?.cert ?? ''),
      [KEYS.key]: base64(served?.key ?? ''),
      [KEYS.bundle]: base64(bundle.join('')),
      [NEXT.cert]: base64(next?.cert),
      [NEXT.key]: base64(next?.key),
    },
  };
}

function readLeaf(
  { cert, key }: { cert: string; key: string },
  bundle: readonly string[],
  names: readonly string[],
): StoredLeaf | undefined {
  if (!cert || !key) return undefined;
  try {
    const leaf = new X509Certificate(cert);
    const ca = bundle.find((pem) => isSignedBy(leaf, pem));
    const fits =
      ca !== undefined &&
      leaf.checkPrivateKey(createPrivateKey(key)) &&
      names.every((name) => leaf.checkHost(name) !== undefined);
    return {
      cert,
      key,
      ca: ca ?? '',
      notBeforeMs: Date.parse(leaf.validFrom),
      notAfterMs: Date.parse(leaf.validTo),
      fits,
    };
  } catch {
    // Not PEM, or of a kind that Node does not know: as if there was none.
    return undefined;
  }
}

function isSignedBy(leaf: X509Certificate, pem: string): boolean {
  const ca = new X509Certificate(pem);
  return leaf.checkIssued(ca) && leaf.verify(ca.publicKey);
}

function textOf(secret: CertificateSecret | undefined, key: string): string {
  return Buffer.from(secret?.data?.[key] ?? '', 'base64').toString('utf8');
}

function timeOf(secret: CertificateSecret | undefined, annotation: string): number | undefined {
  const ms = Date.parse(secret?.metadata.annotations?.[annotation] ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
