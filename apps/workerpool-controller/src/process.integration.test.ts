import { afterAll, beforeAll, expect, it } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, freePort, startAppProcess, type AppProcess } from '@redis-queue/rig';
import { lintMetrics } from '@redis-queue/rig/controllers';
import { compareFence, type Fence } from '@redis-queue/scaling-bus';
import { fenceOf } from './deployment/replicas.ts';
import { testCluster, type TestCluster } from './testing/cluster.ts';

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());

/** @param busUrl by default that of the rig */
async function startController(args: readonly string[], busUrl = t.server.url): Promise<AppProcess> {
  const main = new URL('main.ts', import.meta.url).pathname;
  const { kubeconfigPath } = t.controlPlane;
  const env = { BUS_REDIS_URL: busUrl, NODE_OPTIONS: undefined };
  return await startAppProcess('workerpool-controller', { main, kubeconfigPath, args, env });
}

it('killed repeatedly during a stream of decisions, it ends at the newest, and the fence never goes back', async () => {
  const ns = await t.namespace();
  const pool = await t.pool(ns, 'stormy', { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 1000 } });
  let controller = await startController(['--leader-elect=false']);
  await t.sized(pool, 0);

  let sequence = 0;
  const streaming = new AbortController();
  const fences: Fence[] = [];
  const next = (desiredReplicas: number) =>
    t.publish(pool, { sequence: ++sequence, currentReplicas: 0, desiredReplicas });
  const stream = (async () => {
    while (!streaming.signal.aborted) {
      await next(sequence + 2);
      const fence = fenceOf((await t.deployment(pool))!);
      if (fence) fences.push(fence);
      await delay(10);
    }
  })();
  for (let kill = 0; kill < 3; kill++) {
    const before = fences.at(-1)?.sequence ?? 0;
    // A killed consumer's decision is locked for seconds; then the newest is acted on.
    await eventually(() => (fences.at(-1)?.sequence ?? 0) > before + 5, {
      timeoutMs: 60_000,
      description: 'decisions acted on',
    });
    await controller.stop('SIGKILL');
    controller = await startController(['--leader-elect=false']);
  }
  streaming.abort();
  await stream;
  // As the autoscaler does: published again for as long as the size differs.
  await eventually(
    async () => {
      const deployment = await t.deployment(pool);
      if (deployment?.spec.replicas === 777) return true;
      await next(777);
      return false;
    },
    { timeoutMs: 60_000, intervalMs: 200, description: 'the newest size' },
  );
  expect(fences).toEqual(fences.toSorted(compareFence));
  expect((await controller.stop('SIGTERM')).code).toBe(0);
}, 240_000);

it('of two replicas one acts, and the other takes over when it stops', async () => {
  const ns = await t.namespace();
  const first = await startController(['--lease-namespace', ns]);
  const pool = await t.pool(ns, 'led', { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 10 } });
  await t.sized(pool, 0);
  const second = await startController(['--lease-namespace', ns]);
  await second.ready({ timeoutMs: 60_000 });
  await t.publish(pool, { desiredReplicas: 2 });
  await t.sized(pool, 2);
  expect((await first.stop('SIGTERM')).code).toBe(0);
  // As the autoscaler does: again for as long as the size differs, because a decision expires.
  let sequence = 1;
  await eventually(
    async () => {
      await t.publish(pool, { sequence: ++sequence, currentReplicas: 2, desiredReplicas: 4 });
      return (await t.deployment(pool))?.spec.replicas === 4;
    },
    { timeoutMs: 60_000, intervalMs: 500, description: 'the other one to act' },
  );
  const metrics = await second.metrics();
  expect(metrics).toContain('redis_queue_decisions_consumed_total{outcome="scale"} 1');
  expect(await lintMetrics(metrics)).toEqual([]);
  expect((await second.stop('SIGTERM')).code).toBe(0);
}, 240_000);

it('a bus that is away is logged without its password, and pools are still reconciled', async () => {
  const ns = await t.namespace();
  const port = await freePort();
  const flags = ['--leader-elect=false', '--log-level=trace'];
  const controller = await startController(flags, `redis://bus:hunter2@127.0.0.1:${port}`);
  await controller.waitForLine(/the bus cannot be used: Redis cannot be reached/, { timeoutMs: 60_000 });
  const pool = await t.pool(ns, 'alone', { replicas: 2 });
  await t.sized(pool, 2);
  expect((await controller.stop('SIGTERM')).code).toBe(0);
  expect(controller.lines.filter((line) => line.includes('hunter2'))).toEqual([]);
});

it('a bad bus URL ends the process with a message that names the variable and not its value', async () => {
  const controller = await startController([], 'hunter2');
  expect((await controller.exited).code).not.toBe(0);
  const output = controller.lines.join('\n');
  expect(output).toContain('BUS_REDIS_URL');
  expect(output).not.toContain('hunter2');
});

it('--help names the flags of its own', async () => {
  const controller = await startController(['--help']);
  expect((await controller.exited).code).toBe(0);
  expect(controller.stdout.join('\n')).toMatch(/--redis-secret-names NAMES .*redis-credentials/);
});
