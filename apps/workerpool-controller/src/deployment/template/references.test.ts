import { expect, it } from 'vitest';
import { templateReferences } from './references.ts';

it('finds what reaches a process, once each, wherever it is named', () => {
  const template = {
    spec: {
      containers: [
        {
          name: 'worker',
          env: [
            { name: 'A', valueFrom: { configMapKeyRef: { name: 'env', key: 'a' } } },
            { name: 'B', valueFrom: { secretKeyRef: { name: 'env-secret', key: 'b' } } },
            { name: 'C', value: 'plain' },
          ],
          envFrom: [{ configMapRef: { name: 'env-from' } }, { secretRef: { name: 'env-from-secret' }, prefix: 'P_' }],
        },
      ],
      initContainers: [
        { name: 'init', envFrom: [{ configMapRef: { name: 'env-from' } }, { configMapRef: { name: 'init' } }] },
      ],
      volumes: [
        { name: 'a', configMap: { name: 'volume' } },
        { name: 'b', secret: { secretName: 'volume-secret' } },
        {
          name: 'c',
          projected: { sources: [{ configMap: { name: 'projected' } }, { secret: { name: 'projected-secret' } }] },
        },
        { name: 'd', emptyDir: {} },
      ],
      imagePullSecrets: [{ name: 'registry' }],
    },
  };
  expect(templateReferences(template)).toEqual({
    configMaps: ['env', 'env-from', 'init', 'projected', 'volume'],
    secrets: ['env-from-secret', 'env-secret', 'projected-secret', 'volume-secret'],
  });
});

it.each([undefined, {}, { spec: 'text' }, { spec: { containers: 'text', volumes: [1] } }])(
  'finds nothing in %j',
  (template) => {
    expect(templateReferences(template)).toEqual({ configMaps: [], secrets: [] });
  },
);
