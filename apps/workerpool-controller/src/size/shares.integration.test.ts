import { findCondition } from '@redis-queue/controller';
import { eventually, kindOfWrite, startApiProxy } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testCluster, type TestCluster } from '../testing/cluster.ts';
import { wireWorkerPoolController } from '../wire.ts';

// Wall 1: a namespace with many pools whose sizes are slow to write, as a webhook makes them, delays nobody else's.

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());

const POOLS = 40;
/** How long a webhook of the namespace takes. */
const SLOW_MS = 1_500;
const AUTOSCALED = { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 9 } };

it('a size of one namespace is written at once while 40 of another are slow, and these say that they wait', async () => {
  let slow: string | undefined;
  await using proxy = await startApiProxy(t.controlPlane, async (write) => {
    if (write.namespace === slow && kindOfWrite(write) === 'apply deployments as redis-queue-scale')
      await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    return undefined;
  });
  const settings = {
    secretNames: ['redis-credentials'],
    workerSecretNames: [],
    bus: { redis: { host: t.server.host, port: t.server.port } },
  };
  const controller = await t.rig.controller((manager) => wireWorkerPoolController(manager, settings), {
    name: 'workerpool-controller',
    kubeconfigPath: proxy.kubeconfigPath,
  });
  const [noisy, calm] = await Promise.all([t.namespace(), t.namespace()]);
  const create = (namespace: string, name: string) => t.pool(namespace, name, AUTOSCALED);
  const noise = await Promise.all(Array.from({ length: POOLS }, (_, n) => create(noisy, `pool-${n}`)));
  const pool = await create(calm, 'workers');
  await Promise.all([...noise, pool].map((each) => t.sized(each, 0)));
  slow = noisy;
  await Promise.all(noise.map((each) => t.publish(each, { desiredReplicas: 3, expiresAt: Date.now() + 600_000 })));
  const fromMs = performance.now();
  await t.publish(pool, { desiredReplicas: 2 });
  await t.sized(pool, 2);
  // Of those in hand at once, each would have to reach its deadline before.
  expect(performance.now() - fromMs).toBeLessThan(3_000);
  await eventually(
    async () => {
      const pools = await Promise.all(noise.map((each) => t.read(each)));
      return pools.some(({ status }) => findCondition(status?.conditions, 'AbleToScale')?.reason === 'WaitingForTurn');
    },
    { description: 'one that waits to say so' },
  );
  await controller.stop();
});
