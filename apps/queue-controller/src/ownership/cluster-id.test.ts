import { expect, it } from 'vitest';
import { clusterIdFlag } from './cluster-id.ts';

it('names a cluster by a uid or a name, and is read from the cluster while it is empty', () => {
  const uid = '3f0c7a1e-9c1d-4a60-8a57-0d7f9a2b5c11';
  expect(['', uid, 'Prod-1.eu', 'a'].map((text) => clusterIdFlag.parse(text))).toEqual([
    undefined,
    uid,
    'Prod-1.eu',
    'a',
  ]);
});

it.each(['a/b', '-a', 'a b', 'a'.repeat(64)])('refuses %j, with which an owner mark could not be read', (text) => {
  expect(() => clusterIdFlag.parse(text)).toThrow('must be at most 63 letters, digits, dots and dashes');
});
