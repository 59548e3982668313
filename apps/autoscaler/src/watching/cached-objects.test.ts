import { expect, it } from 'vitest';
import type { Queue, WorkerPool } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { aPool, aQueue, aSecret } from '../test-objects.ts';
import { keptOfPool, keptOfQueue } from './cached-objects.ts';
import { buildTopology, type Topology } from './topology.ts';

/** What the cache keeps; names and versions it keeps by itself. */
function kept<T extends WorkerPool | Queue>(object: T & Resource, keep: typeof keptOfPool): T {
  const slim: unknown = keep(object);
  const { name, namespace, uid } = object.metadata;
  return { ...(slim as T), metadata: { ...(slim as T).metadata, name, namespace, uid } };
}

function topologyOf(pool: WorkerPool, queue: Queue): Topology {
  return buildTopology({
    pools: [pool],
    queue: () => queue,
    secret: () => aSecret('redis://127.0.0.1:6379'),
    permittedSecrets: new Set(['redis-credentials']),
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

it.each([
  { what: 'a pool', pool: plain },
  { what: 'a pool with a template', pool: { ...plain, spec: templated } },
])('scaling $what on what is kept is scaling it on all of it', ({ pool }) => {
  const queue = aQueue('emails', { name: 'mails', redis: { prefix: 'q' }, paused: true });
  expect(topologyOf(kept(pool, keptOfPool), kept(queue, keptOfQueue))).toEqual(topologyOf(pool, queue));
});

it('keeps no more of a template than what is advised on', () => {
  const slim = keptOfPool({ ...plain, spec: templated } as Resource) as unknown as WorkerPool;
  expect(slim.spec.template).toEqual({ spec: { containers: [{ name: 'worker', resources: worker.resources }] } });
});
