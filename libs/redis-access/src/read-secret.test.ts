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
