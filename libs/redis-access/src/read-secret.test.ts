import { expect, it } from 'vitest';
import type { SecretObject } from './objects.ts';
import { MAX_WAYS, readSecret } from './read-secret.ts';

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
