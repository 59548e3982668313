import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/** Bits of an RSA key. A larger one holds the event loop, where each handshake signs, for a second and more. */
const RSA_BITS = { least: 2_048, most: 4_096 } as const;
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
/** The public exponent that everybody uses, 65537: another one makes each signature as slow as its author likes. */
const PUBLIC_EXPONENT = 'AQAB';

/** The private key in the PEM; undefined where there is none, or one with a passphrase. */
export function privateKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/**
 * Why nobody signs with this key, as the rest of a sentence; undefined: it is of a common kind and sound. A tenant gives
 * the key and this process, which serves everybody, signs with it at each handshake.
 */
export function describeKey(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  if (type === 'ed25519') return undefined;
  if (type === 'ec')
    return CURVES.has(details.namedCurve ?? '') ? undefined : 'is on an uncommon curve; use P-256, P-384 or P-521';
  const bits = details.modulusLength ?? 0;
  if (type !== 'rsa' || bits < RSA_BITS.least || bits > RSA_BITS.most)
    return 'is of another kind than RSA of 2048 to 4096 bits, P-256, P-384, P-521 and Ed25519; issue one of these';
  return isSoundRsa(key.export({ format: 'jwk' })) ? undefined : 'is an RSA key whose numbers do not fit together';
}

/** RFC 8017 §3.2: OpenSSL signs by the numbers modulo p and q, and far more slowly where these are wrong. */
function isSoundRsa({ n, e, d, p, q, dp, dq, qi }: JsonWebKey): boolean {
  const secret = numberOf(d);
  const [one, other] = [numberOf(p), numberOf(q)];
  return (
    e === PUBLIC_EXPONENT &&
    one > 1n &&
    other > 1n &&
    one * other === numberOf(n) &&
    secret % (one - 1n) === numberOf(dp) &&
    secret % (other - 1n) === numberOf(dq) &&
    (numberOf(qi) * other) % one === 1n
  );
}

/** @param text base64url, as in a JSON Web Key. */
function numberOf(text = ''): bigint {
  return BigInt(`0x${Buffer.from(text, 'base64url').toString('hex') || '0'}`);
}
