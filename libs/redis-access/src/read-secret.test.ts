import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import type { SecretObject } from './objects.ts';
import { MAX_WAYS, readSecret, type CertificateSecret } from './read-secret.ts';

/** Node gives the collector of V8 to a context that is made after the flag. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
}

it('a Secret is parsed once for each way of asking for TLS, and not every way ever asked for is remembered', () => {
  const secret: SecretObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'shop', name: 'redis-credentials' },
    data: { 'redis-host': Buffer.from('redis').toString('base64') },
  };
  const first = readSecret(secret, { enabled: true });
  expect(readSecret(secret, { enabled: true })).toBe(first);
  for (let way = 0; way < MAX_WAYS; way++) readSecret(secret, { enabled: true, serverName: `n${way}` });
  const again = readSecret(secret, { enabled: true });
  expect(again).toEqual(first);
  expect(again).not.toBe(first);
});

it('many ways of asking for TLS with one Secret hold its CA once', { timeout: 30_000 }, () => {
  const ca = Buffer.from('x'.repeat(60_000)).toString('base64');
  const secret: SecretObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'shop', name: 'redis-credentials' },
    data: { 'redis-host': Buffer.from('redis').toString('base64'), 'redis-ca.crt': ca },
  };
  const before = process.memoryUsage().heapUsed;
  const reads = Array.from({ length: MAX_WAYS }, (_, way) =>
    readSecret(secret, { enabled: true, serverName: `n${way}` }),
  );
  expect(new Set(reads.map((read) => read.ok && read.targetKey)).size).toBe(MAX_WAYS);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
});

const renewed = (version: number): CertificateSecret => ({
  secret: { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name: 'certs' } },
  certificates: { ca: `${version} `.padEnd(400_000, 'x') },
});

it('a certificate that is renewed over and over leaves nothing behind', { timeout: 30_000 }, () => {
  const secret: SecretObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'shop', name: 'redis-credentials' },
    data: { 'redis-url': Buffer.from('rediss://redis').toString('base64') },
  };
  const tls = { secretRef: { name: 'certs' } };
  const first = renewed(0);
  expect(readSecret(secret, tls, first)).toBe(readSecret(secret, tls, first));
  const before = process.memoryUsage().heapUsed;
  const keys = new Set<string>();
  for (let version = 1; version <= 900; version++) {
    const read = readSecret(secret, tls, renewed(version));
    if (read.ok) keys.add(read.targetKey);
  }
  expect(keys.size).toBe(900);
  collectGarbage();
  // They have 360 MB, of which the digests of 64 are known.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
});
