import { expect, it } from 'vitest';
import { boundedSecret } from './bounded-secret.ts';

const metadata = { namespace: 'shop', name: 'redis-credentials' };
const secret = (data?: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata,
  ...(data && { data }),
});
const held = (data?: Record<string, string>) => boundedSecret(secret(data));

it('what leads to no Redis is not held, and its change is noticed all the same', () => {
  const [a, b] = ['YQ==', 'Yg=='].map((note) => held({ 'redis-host': 'cmVkaXM=', note }));
  expect(a).toMatchObject({ ...secret({ 'redis-host': 'cmVkaXM=' }) });
  expect(JSON.stringify(a)).not.toContain('YQ==');
  expect(a!.digest).not.toBe(b!.digest);
});

it('the order of keys is no change', () => {
  expect(held({ a: 'YQ==', b: 'Yg==' }).digest).toBe(held({ b: 'Yg==', a: 'YQ==' }).digest);
});

it('a Secret without data is held as such', () => {
  expect(held().data).toEqual({});
});
