import { PROBES_ANNOTATION, WORKER_POOLS, type WorkerPoolStatus } from '@redis-queue/api';
import { keyOf } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { runController, testCluster, type RunningController, type TestCluster } from '../testing/cluster.ts';
import { startPods } from '../testing/kubelet.ts';

const PATIENT = { timeoutMs: 60_000 };

let t: TestCluster;
let controller: RunningController;
let namespace: string;
beforeAll(async () => {
  t = await testCluster();
  controller = await runController(t);
});
beforeEach(async () => {
  namespace = await t.namespace();
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

/** Starts the pods of a version as they come, until all are ready; returns the status then. */
async function started(
  pool: PoolObject,
  version: string,
  times: Parameters<typeof startPods>[3],
  holds: (status: WorkerPoolStatus) => boolean = () => true,
): Promise<WorkerPoolStatus> {
  return await eventually(async () => {
    await startPods(t.client, namespace, version, times);
    const { status = {}, spec, metadata } = await t.read(pool);
    const isDone =
      status.observedGeneration === metadata.generation &&
      status.currentVersion === version &&
      status.readyReplicas === spec.replicas;
    if (isDone && holds(status)) return status;
    throw new Error(JSON.stringify(status));
  }, PATIENT);
}
const takes = (seconds: number) => (status: WorkerPoolStatus) => status.podStartSeconds === seconds;

it('how long pods take to start is measured, follows a version that takes longer, and outlasts the controller', async () => {
  const pool = await t.pool(namespace, 'measured', { version: '1', replicas: 3 });
  await started(pool, '1', { readyAfter: 7 }, takes(7));

  // One that takes longer alone, and a second more or less, change nothing.
  await t.change(pool, { replicas: 4 });
  await started(pool, '1', { readyAfter: 40 }, takes(7));
  await t.change(pool, { replicas: 5 });
  await started(pool, '1', { readyAfter: 8 }, takes(7));

  await t.change(pool, { version: '2' });
  await started(pool, '2', { readyAfter: 30 }, takes(30));

  await controller.stop();
  controller = await runController(t);
  await t.change(pool, { replicas: 6 });
  const after = await started(pool, '2', { readyAfter: 29 });
  expect(after.podStartSeconds).toBe(30);
});

it('pods that waited for a node, and images that serve no probes, say nothing of it', async () => {
  const late = await t.pool(namespace, 'late', { version: '1', replicas: 2 });
  expect(await started(late, '1', { nodeAfter: 90, readyAfter: 97 })).not.toHaveProperty('podStartSeconds');
  await t.change(late, { replicas: 3 });
  await started(late, '1', { readyAfter: 9 }, takes(9));

  const off = { metadata: { annotations: { [PROBES_ANNOTATION]: 'off' } } };
  await t.client.mergePatch(WORKER_POOLS, keyOf(late), off);
  await started(late, '1', { readyAfter: 1 }, (status) => status.podStartSeconds === undefined);
});
