import { redisSecretRef } from '@redis-queue/api';
import { reportedAddress, type QueueObject } from '@redis-queue/redis-access';
import { describe, expect, it } from 'vitest';
import { cachedBudget, cachedQueue, packedDeployment, unpackedDeployment } from './cached-objects.ts';

const deployment = (env: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'shop', name: 'a', labels: { 'redis-queue.io/pool': 'a' } },
  spec: { replicas: 3, template: { spec: { containers: [{ name: 'worker', env: [{ name: 'X', value: env }] }] } } },
  status: { replicas: 2 },
});

it('a Deployment as any pool has it comes out of the cache as it went in', () => {
  const usual = deployment('x'.repeat(60_000));
  const held = packedDeployment(usual);
  expect(held.spec.replicas).toBe(3);
  expect(unpackedDeployment(held)).toEqual(usual);
});

it('a Deployment takes a fraction of its text, whatever its letters', () => {
  const containers = Array.from({ length: 20 }, (_, n) => ({
    name: `worker-${n}`,
    image: 'registry.example/worker:1',
  }));
  const usual = { ...deployment('höher 日本 😀'), spec: { replicas: 1, template: { spec: { containers } } } };
  const held = packedDeployment(usual);
  expect(held.spec.packed!.length).toBeLessThan(JSON.stringify(usual.spec).length / 4);
  expect(unpackedDeployment(held)).toEqual(usual);
  const foreign = deployment('höher 日本 😀');
  expect(unpackedDeployment(packedDeployment(foreign))).toEqual(foreign);
});

it('of a Deployment of 1 MB the size is held, and its status', () => {
  const { spec: _, ...rest } = deployment('');
  const held = packedDeployment(deployment('x'.repeat(1_000_000)));
  expect(JSON.stringify(held).length).toBeLessThan(300);
  expect(unpackedDeployment(held)).toEqual({ ...rest, spec: { replicas: 3 } });
});

it('of a budget with a selector of 1 MB nothing is held that looks like ours', () => {
  const metadata = { namespace: 'shop', name: 'a' };
  const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata };
  const selector = { matchExpressions: [{ key: 'a', operator: 'In', values: ['x'.repeat(1_000_000)] }] };
  expect(cachedBudget({ ...budget, spec: { maxUnavailable: 1, selector } } as typeof budget)).toEqual({
    ...budget,
    spec: {},
  });
});

it('of a budget its spec is held, and not its status', () => {
  const metadata = { namespace: 'shop', name: 'a' };
  const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec: { maxUnavailable: 1 } };
  const status = { currentHealthy: 3, conditions: [{ type: 'DisruptionAllowed', status: 'True' }] };
  expect(cachedBudget({ ...budget, status } as typeof budget)).toEqual(budget);
});

describe('a Queue as the cache holds it', () => {
  const metadata = { namespace: 'shop', name: 'mails', generation: 2, annotations: { note: 'x' } };
  const redis = { prefix: 'app', secretRefs: { controller: { name: 'a' }, worker: { name: 'b' } } };
  const ready = { type: 'Ready', status: 'True', reason: 'AsExpected', message: 'x', lastTransitionTime: 'x' } as const;
  const queue = {
    apiVersion: 'redis-queue.io/v1',
    kind: 'Queue',
    metadata,
    spec: {
      redis,
      jobTimeout: '10m',
      schedulers: [{ name: 'nightly', every: '1h', template: { data: { text: 'x'.repeat(10_000) } } }],
    },
    status: {
      observedGeneration: 2,
      conditions: [ready, { ...ready, type: 'Available' }],
      counts: { waiting: 3 },
      effective: { name: 'mails', redisAddress: 'redis.example:6379/0' },
    },
  } as unknown as QueueObject;

  it('says as much of its place in Redis', () => {
    const held = cachedQueue(queue) as QueueObject;
    expect(reportedAddress(held, 'worker')).toBe('redis.example:6379/0');
    expect(redisSecretRef(held, 'worker')).toEqual(redisSecretRef(queue, 'worker'));
    expect(held.spec.jobTimeout).toBe('10m');
  });

  it('has no more of it', () => {
    expect(JSON.stringify(cachedQueue(queue)).length).toBeLessThan(400);
  });

  it('is one before it has a status', () => {
    const { status: _, ...fresh } = queue;
    expect(cachedQueue(fresh as QueueObject)).toMatchObject({ metadata: { generation: 2 }, status: {} });
  });
});
