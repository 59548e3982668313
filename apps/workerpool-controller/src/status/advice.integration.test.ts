import { eventually } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { controllerRig } from '../testing/controller.ts';
import { PATIENCE } from '../testing/deployments.ts';

const rig = controllerRig();

it('what pods say is shown in the status (advice, level, stuck handlers, queues that nobody consumes), and changes neither the spec nor the pods', async () => {
  const autoscaling = { enabled: true, minReplicas: 2, maxReplicas: 10 };
  const pool = await rig.cluster.pool(rig.namespace, 'advised', { concurrency: 10, autoscaling });
  await rig.cluster.sized(pool, 2);
  await rig.cluster.settled(pool, 'WaitingForDecision', 'ScalingActive');
  const resources = { requests: { cpu: '700m', memory: '256Mi' }, limits: { memory: '352Mi' } };
  const advice = { concurrency: 20, resources, message: 'Better: concurrency 20 instead of 10.', pods: 3, since: 0 };
  const signals = [{ queue: 'emails', depth: 12, active: 0, notConsumedMs: 95_000, freeSlots: 20 }];
  const said = { signals, advice, contractLevel: 2, stuckHandlers: [{ pod: 'advised-0', handlers: 1, slots: 10 }] };
  await rig.cluster.publish(pool, { currentReplicas: 2, desiredReplicas: 2, ...said });
  const reported = await eventually(
    async () => {
      const now = await rig.cluster.read(pool);
      return now.status?.autoscaling?.advice && now;
    },
    { ...PATIENCE, timeoutMs: 90_000 },
  );
  expect(reported.status?.autoscaling?.advice).toEqual({ ...advice, since: '1970-01-01T00:00:00Z' });
  expect(reported.status?.contractLevel).toBe(2);
  expect(reported.status?.conditions?.find(({ type }) => type === 'HandlersStuck')).toMatchObject({
    status: 'True',
    reason: 'HandlersStuck',
    message: expect.stringContaining('advised-0 (1 of 10 slots)') as string,
  });
  expect(reported.status?.conditions?.find(({ type }) => type === 'QueueNotConsumed')).toMatchObject({
    status: 'True',
    reason: 'QueueNotConsumed',
    message: expect.stringContaining('(12 jobs wait, 20 slots are free)') as string,
  });
  expect(reported.spec.concurrency).toBe(10);
  expect(reported.metadata.generation).toBe(pool.metadata.generation);
  const container = (await rig.cluster.deployment(pool))?.spec['template'] as {
    spec: { containers: { resources?: object }[] };
  };
  expect(container.spec.containers[0]!.resources ?? {}).toEqual({});

  await rig.cluster.publish(pool, { sequence: 2, currentReplicas: 2, desiredReplicas: 3, advice });
  await rig.cluster.sized(pool, 3);
  const after = await eventually(async () => {
    const now = await rig.cluster.read(pool);
    return now.status?.desiredReplicas === 3 && now;
  }, PATIENCE);
  expect(after.status?.autoscaling?.advice).toEqual(reported.status?.autoscaling?.advice);
  expect(after.status?.conditions?.map(({ type }) => type)).not.toContain('HandlersStuck');
  expect(after.status?.conditions?.map(({ type }) => type)).not.toContain('QueueNotConsumed');
});
