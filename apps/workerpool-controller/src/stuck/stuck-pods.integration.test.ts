import { keyOf, PODS, type Resource } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import type { SpeakingClients } from '@redis-queue/scaling-bus';
import { eventually } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { POOL_LABEL } from '../kubernetes/names.ts';
import { POD_DISRUPTION_BUDGETS } from '../kubernetes/objects.ts';
import { trimPod } from '../pods/pods.ts';
import { controllerRig } from '../testing/controller.ts';
import { replacePod } from './replace.ts';

const rig = controllerRig();
const PATIENT = { timeoutMs: 60_000 };

async function podsOf({ metadata: { name } }: PoolObject): Promise<Resource[]> {
  const { items } = await rig.cluster.client.list(PODS, {
    namespace: rig.namespace,
    labelSelector: `${POOL_LABEL}=${name}`,
  });
  return items.filter(({ metadata }) => !metadata.deletionTimestamp);
}

/** An autoscaled pool of so many ready pods, the n-th of them at 10.0.0.n, and a way to publish who speaks to Redis. */
async function stage(name: string, size: number) {
  const pool = await rig.cluster.pool(rig.namespace, name, {
    autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 20 },
    replaceStuck: true,
  });
  await rig.cluster.sized(pool, 0);
  let sequence = 1;
  await rig.cluster.publish(pool, { sequence, desiredReplicas: size });
  const pods = await eventually(async () => {
    const found = await podsOf(pool);
    if (found.length === size) return found;
    throw new Error(`there are ${found.length}`);
  }, PATIENT);
  const places = pods.map((pod, n) => [pod.metadata.name, `10.0.0.${n + 1}`] as const);
  await Promise.all(places.map(([pod, address]) => start(pod, address)));
  const settled = await eventually(async () => {
    const { status } = await rig.cluster.read(pool);
    if (status?.readyReplicas === size) return status;
    throw new Error(JSON.stringify(status));
  }, PATIENT);
  expect(settled.replacement).toBeUndefined();
  const publish = (clients: SpeakingClients): Promise<void> =>
    rig.cluster.publish(pool, { sequence: ++sequence, currentReplicas: size, desiredReplicas: size, clients });
  return { pool, names: pods.map(({ metadata }) => metadata.name), publish };
}

/** Plays kubelet. */
async function start(name: string, podIP: string): Promise<void> {
  const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions: [{ type: 'Ready', status: 'True' }] };
  await rig.cluster.client.mergePatch(PODS, { namespace: rig.namespace, name }, { status }, { subresource: 'status' });
}

const conditionOf = async (pool: PoolObject) =>
  (await rig.cluster.read(pool)).status?.conditions?.find(({ type }) => type === 'StuckPodsReplaced');

/** Publishes again and again, as the autoscaler does, until the probe holds. */
const publishUntil = <T>(
  publish: (clients: SpeakingClients) => Promise<void>,
  clients: SpeakingClients,
  probe: () => Promise<T | undefined | false>,
) =>
  eventually(
    async () => {
      await publish(clients);
      return await probe();
    },
    { ...PATIENT, intervalMs: 500 },
  );

it('a pod that does not speak to Redis is replaced, and no second one before that has helped', async () => {
  const { pool, names, publish } = await stage('stuck', 3);
  const [, stuck] = names as [string, string, string];
  const idleSeconds = { '10.0.0.1': 3, '10.0.0.2': 420, '10.0.0.3': 5 };
  const left = await publishUntil(publish, { idleSeconds }, async () => {
    const found = await podsOf(pool);
    return !found.some(({ metadata }) => metadata.name === stuck) && found.length === 3 && found;
  });
  expect((await rig.cluster.read(pool)).status?.replacement?.pod).toBe(stuck);
  const [event] = (await rig.cluster.eventsOf(pool)).filter(({ reason }) => reason === 'PodReplaced');
  expect(event).toMatchObject({ type: 'Warning', message: expect.stringContaining(stuck) as string });

  // The next one has to wait, whoever it is.
  const successor = left.find(({ metadata }) => !names.includes(metadata.name))!.metadata.name;
  await start(successor, '10.0.0.4');
  const clients = { idleSeconds: { '10.0.0.1': 3, '10.0.0.3': 900, '10.0.0.4': 2 } };
  const condition = await publishUntil(publish, clients, async () => {
    const said = await conditionOf(pool);
    return said?.message.includes('not before') && said;
  });
  expect(condition).toMatchObject({ status: 'False', reason: 'PodsStuck' });
  expect((await podsOf(pool)).map(({ metadata }) => metadata.name).toSorted()).toEqual(
    [names[0]!, names[2]!, successor].toSorted(),
  );
  await publishUntil(
    publish,
    { idleSeconds: { '10.0.0.1': 3, '10.0.0.3': 3, '10.0.0.4': 2 } },
    async () => !(await conditionOf(pool)),
  );
});

/** A budget that lets no pod of the pool go. */
async function guard(pool: string): Promise<void> {
  await rig.cluster.client.create(POD_DISRUPTION_BUDGETS, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: `guard-of-${pool}`, namespace: rig.namespace },
    spec: { maxUnavailable: 0, selector: { matchLabels: { [POOL_LABEL]: pool } } },
  } as Resource);
}

it('while the budgets let no pod go, none is deleted, and the status says so', async () => {
  const { pool, names, publish } = await stage('guarded', 2);
  await guard('guarded');
  const clients = { idleSeconds: { '10.0.0.1': 3, '10.0.0.2': 420 } };
  const condition = await publishUntil(publish, clients, async () => {
    const said = await conditionOf(pool);
    return said?.message.includes('PodDisruptionBudget') && said;
  });
  expect(condition).toMatchObject({ status: 'False', reason: 'PodsStuck' });
  expect((await podsOf(pool)).map(({ metadata }) => metadata.name).toSorted()).toEqual(names.toSorted());
});

it('deletes the very pod that was found, when its budget says yes', async () => {
  const { client } = rig.cluster;
  const pod = await client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'alone', namespace: rig.namespace, labels: { [POOL_LABEL]: 'alone' } },
    spec: { containers: [{ name: 'worker', image: 'registry.example/worker' }] },
  } as Resource);
  await start('alone', '10.0.0.9');
  const live = trimPod((await client.get(PODS, keyOf(pod)))!);
  const found = { ...live, metadata: { ...live.metadata, ...keyOf(pod), uid: pod.metadata.uid! } };
  const replace = (of = found) => replacePod(client, 'alone', of, { signal: AbortSignal.timeout(20_000) });
  expect(await replace({ ...found, address: '10.0.0.8' })).toEqual({ kind: 'changed' });
  expect(await replace({ ...found, metadata: { ...found.metadata, uid: 'another' } })).toEqual({ kind: 'changed' });
  await guard('alone');
  const refusal = await eventually(async () => {
    const result = await replace();
    return result.kind === 'refused' && result.problem;
  }, PATIENT);
  expect(refusal).toMatchObject({
    reason: 'PodsStuck',
    message: expect.stringContaining('disruption budget') as string,
  });
  await client.delete(POD_DISRUPTION_BUDGETS, { name: 'guard-of-alone', namespace: rig.namespace });
  expect(
    await eventually(async () => {
      const result = await replace();
      return result.kind === 'done' && result;
    }, PATIENT),
  ).toEqual({ kind: 'done' });
  expect(await replace()).toEqual({ kind: 'changed' });
});

it('says why it does not know who speaks', async () => {
  const { pool, publish } = await stage('unknown', 1);
  const condition = await publishUntil(publish, { unknown: 'NOPERM; give the sampler +client|list' }, () =>
    conditionOf(pool),
  );
  expect(condition).toMatchObject({
    status: 'False',
    reason: 'ClientsUnknown',
    message: expect.stringContaining('+client|list') as string,
  });
});
