import { expect, it } from 'vitest';
import { DECISION_ANNOTATION } from '@redis-queue/scaling-bus';
import { PODS, type Resource, type ResourceType } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { eventually } from '@redis-queue/rig';
import { DELETION_COST_ANNOTATION } from '../kubernetes/names.ts';
import { POOL_LABEL } from '../kubernetes/names.ts';
import { controllerRig } from '../testing/controller.ts';

const rig = controllerRig();

// The real ReplicaSet controller takes the pods; without a kubelet they run and are ready when the test says so.

const metric = async (name: string) =>
  Number(
    (await rig.controller.manager.registry.metrics())
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')[1],
  );
const written = () => metric('redis_queue_pod_deletion_costs_total{result="written"}');

async function podsOf(pool: PoolObject): Promise<Resource[]> {
  const labelSelector = `${POOL_LABEL}=${pool.metadata.name}`;
  const { items } = await rig.cluster.client.list(PODS, { namespace: rig.namespace, labelSelector });
  return items.filter(({ metadata }) => !metadata.deletionTimestamp);
}

const names = (pods: Resource[]) => pods.map(({ metadata }) => metadata.name).toSorted();
const costs = (pods: Resource[]) =>
  Object.fromEntries(
    pods.map(({ metadata: { name, annotations } }) => [name, annotations?.[DELETION_COST_ANNOTATION]]),
  );

/** Waits until there are this many pods. */
const counted = (pool: PoolObject, count: number) =>
  eventually(
    async () => {
      const pods = await podsOf(pool);
      if (pods.length === count) return pods;
      throw new Error(`there are ${pods.length}`);
    },
    { timeoutMs: 60_000, description: `${count} pods of ${pool.metadata.name}` },
  );

/** An autoscaled pool of this many pods that all run and are ready, and their names. */
async function readyPool(name: string, size: number): Promise<{ pool: PoolObject; pods: string[] }> {
  const pool = await rig.cluster.pool(rig.namespace, name, {
    autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 20 },
  });
  await rig.cluster.sized(pool, 0);
  await rig.cluster.publish(pool, { sequence: 1, desiredReplicas: size });
  const pods = await counted(pool, size);
  await rig.cluster.podsReady(rig.namespace);
  return { pool, pods: names(pods) };
}

const shrink = (pool: PoolObject, sequence: number, from: number, to: number, busy?: Record<string, number>) =>
  rig.cluster.publish(pool, { sequence, currentReplicas: from, desiredReplicas: to, ...(busy && { busy }) });

it('the pods with the fewest jobs go', async () => {
  const { pool, pods } = await readyPool('chosen', 6);
  const [, b, , d, e] = pods as [string, string, string, string, string];
  await shrink(pool, 2, 6, 3, { [b]: 1, [d]: 3, [e]: 2 });
  expect(names(await counted(pool, 3))).toEqual([b, d, e]);
  expect(costs(await podsOf(pool))).toEqual({ [b]: '1', [d]: '3', [e]: '2' });
  expect(await written()).toBe(3);
  // Costs of the scale-in before are corrected where they mislead: that of e, which is idle now.
  await shrink(pool, 3, 3, 2, { [b]: 4, [d]: 3 });
  expect(names(await counted(pool, 2))).toEqual([b, d]);
  expect(costs(await podsOf(pool))).toEqual({ [b]: '1', [d]: '3' });
  expect(await written()).toBe(4);
});

it('a pod whose job has run for long stays before those with more jobs', async () => {
  const { pool, pods } = await readyPool('lasting', 3);
  const [few, long, many] = pods as [string, string, string];
  const decision = { sequence: 2, currentReplicas: 3, desiredReplicas: 1 };
  const held = { busy: { [few]: 2, [long]: 1, [many]: 5 }, busySeconds: { [few]: 8, [long]: 240, [many]: 20 } };
  await rig.cluster.publish(pool, { ...decision, ...held });
  expect(names(await counted(pool, 1))).toEqual([long]);
  expect(costs(await podsOf(pool))).toEqual({ [long]: '241' });
});

it('nothing is written to pods when all are idle, all go, or nobody knows which pods are busy', async () => {
  const { pool, pods } = await readyPool('unmarked', 6);
  await shrink(pool, 2, 6, 5, {});
  await counted(pool, 5);
  await shrink(pool, 3, 5, 3);
  await counted(pool, 3);
  await shrink(pool, 4, 3, 0, { [pods[0]!]: 2 });
  await counted(pool, 0);
  expect(await written()).toBe(0);
});

it('a shrink waits while it would take a pod that works before it is ready, and is counted', async () => {
  const { pool, pods } = await readyPool('starting', 3);
  const [busy, starting] = pods as [string, string];
  await setReady(starting, false);
  await shrink(pool, 2, 3, 2, { [busy]: 2, [starting]: 1 });
  await eventually(async () => (await metric('redis_queue_decisions_dropped_total{reason="pods-starting"}')) === 1, {
    timeoutMs: 30_000,
    description: 'the shrink to be put off',
  });
  expect((await rig.cluster.deployment(pool))?.spec.replicas).toBe(3);
  await setReady(starting, true);
  await shrink(pool, 3, 3, 2, { [busy]: 2, [starting]: 1 });
  expect(names(await counted(pool, 2))).toEqual([busy, starting].toSorted());
});

it('while a version comes in, each ReplicaSet spares its busy pods', async () => {
  const { pool, pods } = await readyPool('rolling', 4);
  const [busy, busier] = pods as [string, string];
  await rig.cluster.change(pool, { version: '2.0.0' });
  const incoming = (await counted(pool, 5)).find(({ metadata }) => !pods.includes(metadata.name))!.metadata.name;
  await shrink(pool, 2, 4, 2, { [busy]: 1, [busier]: 3 });
  await rig.cluster.sized(pool, 2);
  // Two that are ready, by the rollout's own rule, and the new one, which is idle and comes in.
  const left = await counted(pool, 3);
  expect(names(left)).toEqual([busy, busier, incoming].toSorted());
  expect(costs(left)).toEqual({ [busy]: '1', [busier]: '3', [incoming]: undefined });
});

it('pods that go or are gone when the costs are written hold nothing up', async () => {
  const { pool, pods } = await readyPool('going', 4);
  const [first, second] = pods as [string, string];
  const deleted = rig.cluster.client.delete(PODS, { namespace: rig.namespace, name: first });
  await shrink(pool, 2, 4, 2, { [first]: 5, [second]: 1 });
  await deleted;
  const { metadata } = await rig.cluster.sized(pool, 2);
  expect(metadata.annotations?.[DECISION_ANNOTATION]).toBe('1.2');
  expect(names(await counted(pool, 2))).toContain(second);
});

it('where the cluster refuses to have pods annotated, the pool still shrinks, and a warning says so', async () => {
  const { pool, pods } = await readyPool('refused', 3);
  await forbidPodUpdates(rig.namespace, pods[0]!);
  await shrink(pool, 2, 3, 2, { [pods[0]!]: 2 });
  await rig.cluster.sized(pool, 2);
  expect(await metric('redis_queue_pod_deletion_costs_total{result="refused"}')).toBe(1);
  expect(rig.controller.lines.filter((line) => line.includes('without sparing busy pods'))).toHaveLength(1);
});

async function setReady(name: string, ready: boolean): Promise<void> {
  const status = { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] };
  await rig.cluster.client.mergePatch(PODS, { namespace: rig.namespace, name }, { status }, { subresource: 'status' });
}

const admission = (kind: string, plural: string): ResourceType => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
});

/** Resolves when the API server refuses an update of `pod`. */
async function forbidPodUpdates(namespace: string, pod: string): Promise<void> {
  const metadata = { name: `frozen-pods.${namespace}` };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const matching = admission('ValidatingAdmissionPolicy', 'validatingadmissionpolicies');
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['UPDATE'] };
  await rig.cluster.client.create(matching, {
    apiVersion,
    kind: matching.kind,
    metadata,
    spec: {
      matchConstraints: { resourceRules: [rule] },
      validations: [{ expression: 'false', message: 'pods are frozen here' }],
    },
  } as Resource);
  const binding = admission('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings');
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  await rig.cluster.client.create(binding, {
    apiVersion,
    kind: binding.kind,
    metadata,
    spec: { policyName: metadata.name, validationActions: ['Deny'], matchResources: { namespaceSelector } },
  } as Resource);
  await eventually(
    async () => {
      const patch = rig.cluster.client.mergePatch(
        PODS,
        { namespace, name: pod },
        { metadata: { annotations: { probe: '1' } } },
        { dryRun: true },
      );
      return await patch.then(
        () => false,
        (error: Error) => error.message.includes('pods are frozen here'),
      );
    },
    { timeoutMs: 30_000, description: 'the policy to be in force' },
  );
}
