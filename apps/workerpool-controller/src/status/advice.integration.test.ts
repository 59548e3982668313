import { eventually } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { ns, t } from '../testing/controller.ts';
import { PATIENCE } from '../testing/deployments.ts';

it('advice is told in the status, and changes neither the spec nor the pods', async () => {
  const autoscaling = { enabled: true, minReplicas: 2, maxReplicas: 10 };
  const pool = await t.pool(ns, 'advised', { concurrency: 10, autoscaling });
  await t.sized(pool, 2);
  await t.settled(pool, 'WaitingForDecision', 'ScalingActive');
  const resources = { requests: { cpu: '700m', memory: '256Mi' }, limits: { memory: '352Mi' } };
  const advice = { concurrency: 20, resources, message: 'Better: concurrency 20 instead of 10.', pods: 3, since: 0 };
  await t.publish(pool, { currentReplicas: 2, desiredReplicas: 2, advice });
  const told = await eventually(
    async () => {
      const now = await t.read(pool);
      return now.status?.autoscaling?.advice && now;
    },
    { ...PATIENCE, timeoutMs: 90_000 },
  );
  expect(told.status?.autoscaling?.advice).toEqual({ ...advice, since: '1970-01-01T00:00:00Z' });
  expect(told.spec.concurrency).toBe(10);
  expect(told.metadata.generation).toBe(pool.metadata.generation);
  const container = (await t.deployment(pool))?.spec['template'] as { spec: { containers: { resources?: object }[] } };
  expect(container.spec.containers[0]!.resources ?? {}).toEqual({});

  await t.publish(pool, { sequence: 2, currentReplicas: 2, desiredReplicas: 3, advice });
  await t.sized(pool, 3);
  const after = await eventually(async () => {
    const now = await t.read(pool);
    return now.status?.desiredReplicas === 3 && now;
  }, PATIENCE);
  expect(after.status?.autoscaling?.advice).toEqual(told.status?.autoscaling?.advice);
});
