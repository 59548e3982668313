import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { describeKey, privateKeyOf } from './private-key.ts';
import { TLS_OF_QUEUE } from './tls-settings.ts';

/** Keys of a Secret of certificates, as cert-manager and `kubectl create secret tls` name them. */
export const CERTIFICATE_KEYS = ['ca.crt', 'tls.crt', 'tls.key'] as const;
export type CertificateKey = (typeof CERTIFICATE_KEYS)[number];

/** What one proves who it is with, and whom it trusts; PEM. */
export interface Certificates {
  /** Private authorities. */
  readonly ca?: string;
  /** The client's certificate, with those between it and its authority; only beside `key`. */
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads a Secret of certificates. `ca.crt` holds private authorities; `tls.crt` and `tls.key`, which belong together, a
 * client certificate.
 *
 * @param read the value of a key in PEM, undefined where the Secret has none.
 * @param namedBy the setting that names the Secret, for messages.
 * @returns a message that names the key at fault and never repeats a value.
 */
export function readCertificates(
  read: (key: CertificateKey) => string | undefined,
  namedBy = TLS_OF_QUEUE.secretRef,
): Certificates | string {
  const [ca, cert, key] = CERTIFICATE_KEYS.map(read);
  if (ca === undefined && cert === undefined)
    return `the Secret has neither ca.crt nor tls.crt; add one, or remove ${namedBy}`;
  if ((cert === undefined) !== (key === undefined)) {
    const [has, lacks] = cert === undefined ? ['tls.key', 'tls.crt'] : ['tls.crt', 'tls.key'];
    return `the Secret has ${has} and no ${lacks}; a client certificate needs both`;
  }
  const problem = describeAuthority(ca) ?? describePair(cert, key);
  if (problem !== undefined) return problem;
  const certificates = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
  };
  return describeUse(certificates) ?? certificates;
}

function describeAuthority(ca: string | undefined): string | undefined {
  return ca === undefined || certificateOf(ca) ? undefined : "the Secret's ca.crt is no certificate in PEM";
}

function describePair(cert: string | undefined, key: string | undefined): string | undefined {
  if (cert === undefined || key === undefined) return undefined;
  const certificate = certificateOf(cert);
  if (!certificate) return "the Secret's tls.crt is no certificate in PEM";
  const privateKey = privateKeyOf(key);
  if (!privateKey) return "the Secret's tls.key is no private key in PEM without a passphrase";
  const unfit = describeKey(privateKey);
  if (unfit !== undefined) return `the Secret's tls.key ${unfit}`;
  return certificate.checkPrivateKey(privateKey) ? undefined : "the Secret's tls.key is not the key of its tls.crt";
}

/** What OpenSSL refuses of them, all their blocks included: each connection would fail by it, without a reason. */
function describeUse(certificates: Certificates): string | undefined {
  try {
    createSecureContext(certificates);
    return undefined;
  } catch (error) {
    const { code = 'no reason' } = error as { code?: string };
    return `the certificates in the Secret cannot be used (${code}); see that each block of ca.crt and tls.crt is whole`;
  }
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
