// tsyringe, which the library is built with, asks for it.
// oxlint-disable-next-line import/no-unassigned-import -- it adds to Reflect
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Leaf } from './certificate-plan.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Clocks of API servers may be behind by so much. */
const SKEW_MS = 300_000;

export interface LeafRequest {
  /** DNS names of the Service; the first one names the certificate. */
  readonly names: readonly string[];
  readonly nowMs: number;
  readonly validMs: number;
}

/**
 * A CA for this one leaf, and the leaf. The CA's key is forgotten: whoever reads the Secret can serve as we do, but make
 * no certificate for another name.
 */
export async function issueLeaf({ names, nowMs, validMs }: LeafRequest): Promise<Leaf> {
  const [caKeys, keys] = await Promise.all([makeKeys(), makeKeys()]);
  const notBefore = new Date(nowMs - SKEW_MS);
  const notAfter = new Date(nowMs + validMs);
  const ca = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=redis-queue webhook CA',
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const leaf = await X509CertificateGenerator.create({
    serialNumber: serial(),
    issuer: ca.subject,
    signingKey: caKeys.privateKey,
    publicKey: keys.publicKey,
    signingAlgorithm: ALGORITHM,
    notBefore,
    notAfter,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    cert: endingLine(leaf.toString('pem')),
    key: endingLine(PemConverter.encode(key, 'PRIVATE KEY')),
    ca: endingLine(ca.toString('pem')),
  };
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** RFC 5280, 4.1.2.2: positive, at most 20 octets, and unique. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

const endingLine = (pem: string): string => `${pem.trimEnd()}\n`;
