import { expect, it } from 'vitest';
import { eventually } from '@redis-queue/rig';
import { controllerRig } from '../testing/controller.ts';
import { LASTING_MS } from './lasting.ts';

const rig = controllerRig();

const auto = (minReplicas: number, maxReplicas: number) => ({
  autoscaling: { enabled: true, minReplicas, maxReplicas },
});

it('fifty changes of size are a handful of events, and the last one says how many there were', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'busy', auto(0, 100));
  await rig.cluster.sized(pool, 0);
  for (let sequence = 1; sequence <= 50; sequence++) {
    const [currentReplicas, desiredReplicas] = [sequence - 1, sequence];
    const reason = `${desiredReplicas} replicas: ${sequence * 10} jobs wait`;
    // oxlint-disable-next-line no-await-in-loop -- one after another: the bus keeps only the newest of a pool
    await rig.cluster.publish(pool, { sequence, currentReplicas, desiredReplicas, reason });
    // oxlint-disable-next-line no-await-in-loop
    await rig.cluster.sized(pool, desiredReplicas);
  }
  const scaled = await eventually(async () => {
    const found = (await rig.cluster.eventsOf(pool)).filter(({ reason }) => reason === 'ScaledUp');
    if (!found.some(({ count }) => count >= 10)) throw new Error(JSON.stringify(found.map(({ count }) => count)));
    return found;
  });
  expect(scaled.length).toBeLessThanOrEqual(11);
  expect(scaled.find(({ count }) => count > 1)?.message).toContain('(combined from similar events): from ');
  // What floods is cut; a warning still gets through.
  expect(scaled.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(25);
  const { status } = await rig.cluster.read(pool);
  expect(status?.autoscaling?.last).toHaveLength(10);
});

it('a hold and a limit that last are reported by one event each, and by conditions', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'stuck', auto(0, 4));
  await rig.cluster.sized(pool, 0);
  await rig.cluster.publish(pool, { currentReplicas: 0, desiredReplicas: 4, safetyLimitHit: true });
  await rig.cluster.sized(pool, 4);
  const reason = '4 replicas instead of 9, because 80 % of the last 50 finished jobs failed';
  await rig.cluster.publish(pool, {
    sequence: 2,
    currentReplicas: 4,
    desiredReplicas: 4,
    heldBy: 'JobsFailing',
    safetyLimitHit: true,
    reason,
  });
  await rig.cluster.settled(pool, 'JobsFailing', 'AbleToScale');
  await rig.cluster.settled(pool, 'TooManyReplicas', 'ScalingLimited');
  const warnings = () => rig.cluster.eventsOf(pool).then((events) => events.filter(({ type }) => type === 'Warning'));
  expect(await warnings()).toEqual([]);
  const events = await eventually(
    async () => {
      const found = await warnings();
      if (found.length < 2) throw new Error(`events so far: ${JSON.stringify(found)}`);
      return found;
    },
    { timeoutMs: LASTING_MS + 40_000 },
  );
  expect(events.toSorted((a, b) => a.reason.localeCompare(b.reason))).toEqual([
    { type: 'Warning', reason: 'ScalingHeld', message: `JobsFailing: ${reason}`, count: 1 },
    { type: 'Warning', reason: 'ScalingLimited', message: reason, count: 1 },
  ]);
});

it('numbers that move and holds that come and go with each decision write the status every ten seconds at most', async () => {
  const pool = await rig.cluster.pool(rig.namespace, 'lively', auto(0, 10));
  await rig.cluster.sized(pool, 0);
  const settle = { currentReplicas: 0, desiredReplicas: 0 };
  await rig.cluster.publish(pool, settle);
  await rig.cluster.settled(pool, 'Decided', 'ScalingActive');
  const beganMs = Date.now();
  const versions = new Set<string | undefined>();
  for (let sequence = 2; sequence <= 40; sequence++) {
    const heldBy = ['StabilizationWindow', 'JobsFailing', 'SensorFailed', undefined][sequence % 4];
    const signals = [{ queue: 'emails', depth: sequence * 100, wants: sequence }];
    const handled = await acted(); // oxlint-disable-line no-await-in-loop -- one after another
    // oxlint-disable-next-line no-await-in-loop
    await rig.cluster.publish(pool, { ...settle, sequence, signals, ...(heldBy !== undefined && { heldBy }) });
    // oxlint-disable-next-line no-await-in-loop
    await eventually(async () => (await acted()) > handled);
    versions.add((await rig.cluster.read(pool)).metadata.resourceVersion); // oxlint-disable-line no-await-in-loop
  }
  expect(versions.size).toBeLessThanOrEqual(2 + (Date.now() - beganMs) / 10_000);
  await eventually(async () => ((await rig.cluster.read(pool)).status?.autoscaling?.signals?.[0]?.depth ?? 0) > 100);
});

async function acted(): Promise<number> {
  const text = await rig.controller.manager.registry.metrics();
  return Number(/decisions_consumed_total\{outcome="note"\} (\d+)/.exec(text)?.[1]);
}
