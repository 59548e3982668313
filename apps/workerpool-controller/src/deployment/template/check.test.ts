import { describe, expect, it } from 'vitest';
import { aPool } from '../../testing/objects.ts';
import { checkTemplate } from './check.ts';

const said = (template: Record<string, unknown>, spec: Parameters<typeof aPool>[0] = {}): string =>
  checkTemplate(aPool({ ...spec, template }))?.message ?? '';
const ofWorker = (container: object) => ({ spec: { containers: [{ name: 'worker', ...container }] } });

describe("what is the controller's own is refused with its path and the way out:", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'the image',
      ofWorker({ image: 'x' }),
      /^spec\.template\.spec\.containers\[worker\]\.image .*spec\.image.*spec\.version/,
    ],
    [
      'what the worker gets from the spec',
      ofWorker({ env: [{ name: 'RQ_POOL', value: 'x' }] }),
      /containers\[worker\]\.env\[RQ_POOL\] .*change the spec/,
    ],
    ['Redis', ofWorker({ env: [{ name: 'REDIS_URL', value: 'x' }] }), /env\[REDIS_URL\] .*Secret of the Queues/],
    [
      'the time to drain',
      { spec: { terminationGracePeriodSeconds: 5 } },
      /terminationGracePeriodSeconds .*spec\.drainPolicy/,
    ],
    ['another restart policy', { spec: { restartPolicy: 'Never' } }, /restartPolicy can only be Always/],
    [
      'the label of the pool',
      { metadata: { labels: { 'redis-queue.io/pool': 'x' } } },
      /metadata\.labels\[redis-queue\.io\/pool\]/,
    ],
    [
      'the label of the name',
      { metadata: { labels: { 'app.kubernetes.io/name': 'x' } } },
      /labels\[app\.kubernetes\.io\/name\]/,
    ],
    [
      'an annotation of ours',
      { metadata: { annotations: { 'redis-queue.io/config': 'x' } } },
      /annotations\[redis-queue\.io\/config\]/,
    ],
  ])('%s', (_, template, message) => {
    expect(said(template)).toMatch(message);
  });

  it('resources, while spec.resources rules them', () => {
    const template = ofWorker({ resources: { limits: { cpu: '1' } } });
    expect(said(template, { resources: { limits: { cpu: '1' } } })).toMatch(
      /containers\[worker\]\.resources .*spec\.resources/,
    );
    expect(said(template)).toBe('');
  });
});

describe('what cannot be merged is refused with its path:', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['null', ofWorker({ livenessProbe: null }), /^spec\.template\.spec\.containers\[worker\]\.livenessProbe is null/],
    ['null in a list', { spec: { tolerations: [null] } }, /tolerations\[0\] is null/],
    ['a container without a name', { spec: { containers: [{ image: 'x' }] } }, /containers\[0\] lacks name/],
    [
      'a constraint with half of its key',
      { spec: { topologySpreadConstraints: [{ topologyKey: 'zone' }] } },
      /lacks topologyKey or whenUnsatisfiable/,
    ],
    [
      'a variable that is there twice',
      ofWorker({
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      }),
      /env\[A\] is there twice/,
    ],
  ])('%s', (_, template, message) => {
    expect(said(template)).toMatch(message);
  });
});

it.each<[string, Record<string, unknown> | undefined]>([
  ['no template', undefined],
  ['an empty one', {}],
  [
    'sidecars, whatever their image and environment',
    { spec: { containers: [{ name: 'proxy', image: 'x', env: [{ name: 'REDIS_URL', value: 'x' }] }] } },
  ],
  [
    'probes and a security context of its own',
    ofWorker({ livenessProbe: { periodSeconds: 60 }, securityContext: { readOnlyRootFilesystem: false } }),
  ],
  ['the restart policy that rules anyway', { spec: { restartPolicy: 'Always' } }],
  ['what is no template at all: the API server says so', { spec: 'text', metadata: [] }],
])('%s is fine', (_, template) => {
  expect(checkTemplate(aPool(template ? { template } : {}))).toBeUndefined();
});
