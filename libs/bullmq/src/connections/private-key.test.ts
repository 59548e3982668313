import { createPrivateKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { describeKey, privateKeyOf } from './private-key.ts';

const rsa = (bits: number, publicExponent = 65_537): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength: bits, publicExponent }).privateKey;
const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;

describe('a private key', () => {
  test.each<[string, () => KeyObject]>([
    ['RSA of 2048 bits', () => rsa(2_048)],
    ['RSA of 3072 bits', () => rsa(3_072)],
    ['P-256', () => ec('P-256')],
    ['P-384', () => ec('P-384')],
    ['P-521', () => ec('P-521')],
    ['Ed25519', () => generateKeyPairSync('ed25519').privateKey],
  ])('of a common kind is used: %s', (_, key) => {
    expect(describeKey(key())).toBeUndefined();
  });

  test.each<[string, () => KeyObject, string]>([
    ['RSA of 1024 bits', () => rsa(1_024), 'another kind'],
    ['another public exponent', () => rsa(2_048, 3), 'do not fit'],
    ['an uncommon curve', () => ec('secp256k1'), 'uncommon curve'],
    ['Ed448', () => generateKeyPairSync('ed448').privateKey, 'another kind'],
  ])('of another kind is not: %s', (_, key, message) => {
    expect(describeKey(key())).toContain(message);
  });

  const { d, dp, dq, qi } = rsa(2_048).export({ format: 'jwk' });
  test.each<[string, JsonWebKey]>([
    ['dp', { dp: dp! }],
    ['dq', { dq: dq! }],
    ['qi', { qi: qi! }],
    ['d', { d: d! }],
  ])('of RSA whose %s is that of another key is not used', (_, change) => {
    const jwk = { ...rsa(2_048).export({ format: 'jwk' }), ...change };
    const pem = pemOf(jwk);
    const key = pem === undefined ? undefined : privateKeyOf(pem);
    // OpenSSL may refuse it by itself.
    expect(key === undefined ? 'do not fit' : describeKey(key)).toContain('do not fit');
  });

  test('with a passphrase, or none at all, is none', () => {
    const locked = rsa(2_048).export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'hunter2' });
    expect(privateKeyOf(locked.toString())).toBeUndefined();
    expect(privateKeyOf('hunter2')).toBeUndefined();
  });
});

function pemOf(jwk: JsonWebKey): string | undefined {
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'pkcs1' }).toString();
  } catch {
    return undefined;
  }
}
