import { expect, it } from 'vitest';
import { boundedSpec } from './cached-objects.ts';

const deployment = (env: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'shop', name: 'a', labels: { 'redis-queue.io/pool': 'a' } },
  spec: { replicas: 3, template: { spec: { containers: [{ name: 'worker', env: [{ name: 'X', value: env }] }] } } },
  status: { replicas: 2 },
});

it('a Deployment as any pool has it is held as it is', () => {
  const usual = deployment('x'.repeat(60_000));
  expect(boundedSpec(usual)).toBe(usual);
});

it('of a Deployment of 1 MB the size is held, and its status', () => {
  const { spec: _, ...rest } = deployment('');
  expect(boundedSpec(deployment('x'.repeat(1_000_000)))).toEqual({ ...rest, spec: { replicas: 3 } });
});

it('of a budget with a selector of 1 MB nothing is held that looks like ours', () => {
  const metadata = { namespace: 'shop', name: 'a' };
  const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata };
  const selector = { matchExpressions: [{ key: 'a', operator: 'In', values: ['x'.repeat(1_000_000)] }] };
  expect(boundedSpec({ ...budget, spec: { maxUnavailable: 1, selector } } as typeof budget)).toEqual({
    ...budget,
    spec: {},
  });
});
