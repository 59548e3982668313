import { describe, expect, it } from 'vitest';
import { holds } from './drift.ts';

describe('holds', () => {
  it.each<[string, unknown, unknown, boolean]>([
    ['fields that the server added', { a: 1 }, { a: 1, b: 2 }, true],
    ['a changed field', { a: 1 }, { a: 2 }, false],
    ['a missing field', { a: 1 }, {}, false],
    ['a missing field that every object seems to have', { constructor: 'a' }, {}, false],
    ['a list under such a name', { toString: [{ name: 'a' }] }, { toString: [{ name: 'a' }] }, true],
    ['a resource of such a name', { limits: { valueOf: '1' } }, { limits: {} }, false],
    ['a Deployment that somebody paused', { paused: false }, { paused: true }, false],
    ['seconds that somebody set', { minReadySeconds: 0 }, { minReadySeconds: 3600 }, false],
    ['defaults that the server leaves out', { paused: false, minReadySeconds: 0 }, {}, true],
    ['an empty object of ours that the server keeps', { emptyDir: {} }, { emptyDir: {} }, true],
    ['an empty object of ours that is missing', { emptyDir: {} }, {}, false],
    [
      'entries with keys in another order',
      { env: [{ name: 'a', value: '1' }, { name: 'b' }] },
      { env: [{ name: 'b' }, { name: 'a', value: '1' }] },
      true,
    ],
    ['an entry with a key that is missing', { env: [{ name: 'a' }] }, { env: [{ name: 'b' }] }, false],
    ['an entry with a key that others added', { env: [{ name: 'a' }] }, { env: [{ name: 'b' }, { name: 'a' }] }, true],
    [
      'mounts by their path',
      { volumeMounts: [{ name: 'v', mountPath: '/b' }] },
      {
        volumeMounts: [
          { name: 'v', mountPath: '/a' },
          { name: 'v', mountPath: '/b' },
        ],
      },
      true,
    ],
    [
      'a port whose protocol the server filled in',
      { ports: [{ containerPort: 80 }] },
      { ports: [{ containerPort: 80, protocol: 'TCP' }] },
      true,
    ],
    [
      'a toleration that others added: the list has one owner',
      { tolerations: [{ key: 'a' }] },
      { tolerations: [{ key: 'a' }, { key: 'b' }] },
      false,
    ],
    ['a label of nodes that others added', { nodeSelector: { a: '1' } }, { nodeSelector: { a: '1', b: '2' } }, false],
    ['what says nothing and is left out', { hostNetwork: false, env: [], nodeSelector: {}, value: '' }, {}, true],
    ['nothing within nothing', { resources: { limits: {} } }, {}, true],
    ['false that is left out where absent means true', { automountServiceAccountToken: false }, {}, false],
    ['user 0 that is left out', { runAsUser: 0 }, {}, false],
    [
      'a size limit in another spelling',
      { emptyDir: { sizeLimit: '1024Mi' } },
      { emptyDir: { sizeLimit: '1Gi' } },
      true,
    ],
    ['another size limit', { emptyDir: { sizeLimit: '1Gi' } }, { emptyDir: { sizeLimit: '2Gi' } }, false],
    ['plain entries by place', { drop: ['ALL'] }, { drop: ['ALL'] }, true],
    ['a plain entry that changed', { drop: ['ALL'] }, { drop: ['NET_RAW'] }, false],
    ['a quantity in another spelling', { limits: { cpu: '1000m' } }, { limits: { cpu: '1' } }, true],
    ['a quantity given as a number', { requests: { cpu: 1 } }, { requests: { cpu: '1' } }, true],
    ['another quantity', { limits: { memory: '1Gi' } }, { limits: { memory: '1G' } }, false],
    ['a quantity that is missing', { limits: { memory: '1Gi' } }, { limits: {} }, false],
    ['resources that are missing', { limits: { memory: '1Gi' } }, {}, false],
  ])('%s', (_, desired, live, expected) => {
    expect(holds(desired, live)).toBe(expected);
  });
});
