import { afterAll, beforeAll, expect, it } from 'vitest';
import { runController, testCluster, type TestCluster } from '../testing/cluster.ts';

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());

it('of two controllers for different namespaces on one bus, each acts on the decisions on its own pools only', async () => {
  const namespaces = [await t.namespace(), await t.namespace()];
  const controllers = await Promise.all(namespaces.map((each) => runController(t, { namespaces: [each] })));
  const autoscaling = { enabled: true, minReplicas: 0, maxReplicas: 10 };
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const pools = await Promise.all(
    namespaces.flatMap((namespace) => names.map((name) => t.pool(namespace, name, { autoscaling }))),
  );
  await Promise.all(pools.map((pool) => t.sized(pool, 0)));
  // As the autoscaler does while a pool has another size: a decision that comes to the other controller with each of its
  // attempts is gone, and the next one follows.
  let sequence = 0;
  const publishAll = async (): Promise<void> => {
    sequence++;
    await Promise.all(pools.map((pool) => t.publish(pool, { desiredReplicas: 3, sequence })));
  };
  let published = publishAll();
  const again = setInterval(() => void (published = published.then(publishAll)), 3_000);
  await Promise.all(pools.map((pool) => t.sized(pool, 3))).finally(() => clearInterval(again));
  await published;

  const scaled = controllers.map(({ lines }) =>
    lines.filter((line) => line.includes('"scaled: ')).map((line) => (JSON.parse(line) as { pool: string }).pool),
  );
  expect(scaled.map((keys) => new Set(keys))).toEqual(
    namespaces.map((namespace) => new Set(names.map((name) => `${namespace}/${name}`))),
  );
  const failures = controllers.map((each) => each.sumOf(/^redis_queue_decision_failures_total/));
  expect(await Promise.all(failures)).toEqual([0, 0]);
  for (const controller of controllers) await controller.stop();
});
