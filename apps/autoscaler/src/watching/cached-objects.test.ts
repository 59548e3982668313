import { expect, it } from 'vitest';
import { PROBES_ANNOTATION, type Queue, type WorkerPool } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { cachedPool, cachedQueue } from './cached-objects.ts';
import { podsOf } from './pool-status.ts';
import { buildTopology, type Topology } from './topology.ts';

/** The object as it lies in the cache, which itself adds names and versions. */
function cached<T extends WorkerPool | Queue>(object: T & Resource, transform: typeof cachedPool): T {
  const slim: unknown = transform(object);
  const { name, namespace, uid } = object.metadata;
  return { ...(slim as T), metadata: { ...(slim as T).metadata, name, namespace, uid } };
}

function topologyOf(pool: WorkerPool, queue: Queue): Topology {
  return buildTopology({
    pools: [pool],
    queue: () => queue,
    secrets: secretSources(() => aSecret('redis://127.0.0.1:6379')),
  });
}

const plain = aPool('workers', ['emails']);
const resources = { requests: { cpu: '250m' }, limits: { memory: '512Mi' } };
const worker = {
  name: 'worker',
  resources: { limits: { memory: '1Gi' } },
  env: [{ name: 'LONG', value: 'x'.repeat(1e4) }],
};
const proxy = { name: 'proxy', image: 'proxy', resources: { limits: { memory: '9Gi' } } };
const templated = {
  ...plain.spec,
  resources,
  template: { spec: { containers: [proxy, worker], nodeSelector: { a: 'b' } } },
};

const withoutProbes = {
  ...plain,
  metadata: { ...plain.metadata, annotations: { [PROBES_ANNOTATION]: 'off', other: 'x'.repeat(1e4) } },
};

it.each([
  { what: 'a pool', pool: plain },
  { what: 'a pool with a template', pool: { ...plain, spec: templated } },
  { what: 'a pool without probes', pool: withoutProbes },
])('the topology of $what is the same from the cached parts as from the whole objects', ({ pool }) => {
  const queue = aQueue('emails', { name: 'mails', redis: { prefix: 'q' }, paused: true });
  expect(topologyOf(cached(pool, cachedPool), cached(queue, cachedQueue))).toEqual(topologyOf(pool, queue));
});

it('caches no more of a template than what is advised on', () => {
  const slim = cachedPool({ ...plain, spec: templated } as Resource) as unknown as WorkerPool;
  expect(slim.spec.template).toEqual({ spec: { containers: [{ name: 'worker', resources: worker.resources }] } });
});

it('caches amounts of CPU and memory alone, whatever the spec and the template of a pool hold', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`example.com/${n}`, '1']));
  const own = { requests: { ...many, cpu: '250m' }, limits: { cpu: `${'1'.repeat(16_000)}!`, memory: ['1Gi'] } };
  const containers = [{ name: 'worker', resources: { requests: 'none', limits: { ...many, memory: '1Gi' } } }];
  const spec = { ...plain.spec, resources: own, template: { spec: { containers } } } as unknown as WorkerPool['spec'];
  const slim = cachedPool({ ...plain, spec } as Resource) as unknown as WorkerPool;
  expect(slim.spec.resources).toEqual({ requests: { cpu: '250m' } });
  expect(slim.spec.template).toEqual({
    spec: { containers: [{ name: 'worker', resources: { limits: { memory: '1Gi' } } }] },
  });
});

it('caches no annotation but the one that says whether there are probes', () => {
  expect(cachedPool(withoutProbes as Resource).metadata.annotations).toEqual({ [PROBES_ANNOTATION]: 'off' });
  expect(cachedPool(plain as Resource).metadata).not.toHaveProperty('annotations');
});

it('what the status says of pods is the same from the cached part', () => {
  const blockedReplicas = { unschedulable: 2 };
  const status = { desiredReplicas: 5, replicas: 5, readyReplicas: 3, blockedReplicas, podStartSeconds: 45 };
  const pods = podsOf(cached({ ...plain, status }, cachedPool));
  expect(pods).toEqual({ replicas: 5, ready: 3, blocked: blockedReplicas, startMs: 45_000 });
});
