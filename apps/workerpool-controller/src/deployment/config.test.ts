import { describe, expect, it } from 'vitest';
import type { ConfigMap } from '../kubernetes/objects.ts';
import { aPool } from '../testing/objects.ts';
import { ConfigMapDigests, configKey, configKeysOf, describeUntracked, untrackedSecrets } from './config.ts';

const template = {
  spec: {
    containers: [
      { name: 'worker', envFrom: [{ configMapRef: { name: 'mail' } }, { secretRef: { name: 'mail-api' } }] },
    ],
    volumes: [{ name: 's', secret: { secretName: 'private' } }],
  },
};

it('a pool is found by the ConfigMaps and Secrets of its namespace that its template names', () => {
  expect(configKeysOf(aPool({ template }))).toEqual([
    'ConfigMap/team-a/mail',
    'Secret/team-a/mail-api',
    'Secret/team-a/private',
  ]);
  expect(configKey('ConfigMap', { namespace: 'team-a', name: 'mail' })).toBe('ConfigMap/team-a/mail');
  expect(configKeysOf(aPool())).toEqual([]);
});

it('Secrets that may not be read are named, with the Helm value that changes it', () => {
  const templateSecrets = new Map([['mail-api', undefined as never]]);
  expect(untrackedSecrets(aPool({ template }), { templateSecrets })).toEqual(['private']);
  expect(describeUntracked(['private'])?.message).toMatch(
    /the Secret "private".*add the name to .*\(of the chart redis-queue: workerpool-controller\.workers\.secretNames\)/,
  );
  expect(describeUntracked(['a', 'b'])?.message).toMatch(/the Secrets "a", "b".*add the names/);
  expect(describeUntracked([])).toBeUndefined();
});

const configMap = (resourceVersion: string, content: Pick<ConfigMap, 'data' | 'binaryData'>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'mail', uid: 'u', resourceVersion },
  ...content,
});

describe('the digest of a ConfigMap', () => {
  it('changes with its content, and with nothing else', () => {
    const digests = new ConfigMapDigests();
    const of = (content: Pick<ConfigMap, 'data' | 'binaryData'>) => digests.note(configMap('1', content));
    expect(of({ data: { a: '1', b: '2' } })).toBe(of({ data: { b: '2', a: '1' } }));
    const others: Pick<ConfigMap, 'data' | 'binaryData'>[] = [
      {},
      { data: { a: '1' } },
      { data: { b: '1' } },
      { binaryData: { a: '1' } },
      { data: { a: '1', b: '' } },
    ];
    expect(new Set(others.map(of)).size).toBe(others.length);
  });

  it('is remembered for the version that it was made of', () => {
    const digests = new ConfigMapDigests();
    const digest = digests.note(configMap('1', { data: { a: '1' } }));
    expect(digests.recall({ name: 'mail', uid: 'u', resourceVersion: '1' })).toBe(digest);
    expect(digests.recall({ name: 'mail', uid: 'u', resourceVersion: '2' })).toBeUndefined();
    expect(digests.recall({ name: 'mail', uid: 'other', resourceVersion: '1' })).toBeUndefined();
    digests.forget('u');
    expect(digests.recall({ name: 'mail', uid: 'u', resourceVersion: '1' })).toBeUndefined();
  });
});
