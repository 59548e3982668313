import { eventually } from '@redis-queue/rig';
import { apply, killPod, removeChart, run } from '@redis-queue/rig/pods';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withRedis } from './site/site.ts';
import { createTeam, type Team } from './team.ts';

let team: Team;

beforeEach(async () => {
  team = await createTeam('alone');
});

afterEach(async () => {
  await team[Symbol.asyncDispose]();
});

const QUEUE = 'queues.redis-queue.io/emails';
const POOL = 'workerpools.redis-queue.io/email-workers';

const workers = async (): Promise<number> =>
  Number(await team.kubectl('get', 'deployment', 'email-workers', '-o=jsonpath={.status.readyReplicas}'));
const sized = async (replicas: number): Promise<void> =>
  void (await team.kubectl('patch', POOL, '--type=merge', '-p', JSON.stringify({ spec: { replicas } })));

describe('the queue controller alone', () => {
  it('sets the limits of a queue in Redis', async () => {
    await team.install('queue-controller');
    await team.applyExamples();
    await team.condition(QUEUE, 'Ready', 'True');
    const limits = await withRedis(
      team.cluster,
      team.site,
      'default',
      async (redis) => await redis.hmget('bull:emails:meta', 'concurrency', 'max', 'duration'),
    );
    expect(limits).toEqual(['500', '1000', '1000']);
  });

  it('says that the password is wrong, and repeats neither the wrong nor the right one', async () => {
    await team.install('queue-controller');
    const wrong = 'planted-wrong-password';
    const metadata = { name: 'redis-controller', namespace: team.site.namespace };
    const stringData = { 'redis-host': `redis.${team.site.namespace}.svc`, 'redis-password': wrong };
    await apply(team.cluster, [{ apiVersion: 'v1', kind: 'Secret', metadata, stringData }]);
    await team.applyExamples();
    const { reason } = await team.condition(QUEUE, 'Ready', 'False');
    expect(reason).toBe('RedisAuthFailed');
    const [controller] = await team.pods('app.kubernetes.io/name=queue-controller');
    const said = [
      await team.kubectl('logs', controller!),
      await team.kubectl('get', 'queues.redis-queue.io,events', '-o', 'yaml'),
    ].join();
    for (const secret of [wrong, ...team.site.passwords]) {
      expect(said).not.toContain(secret);
      expect(said).not.toContain(Buffer.from(secret).toString('base64'));
    }
  });
});

it('the queue controller lets a Queue with a finalizer go when it is uninstalled, and with it the namespace', async () => {
  await team.install('queue-controller');
  await team.applyExamples();
  await team.kubectl('patch', QUEUE, '--type=merge', '-p', JSON.stringify({ spec: { deletionPolicy: 'Delete' } }));
  const finalizers = async () => await team.kubectl('get', QUEUE, '-o=jsonpath={.metadata.finalizers[*]}');
  await eventually(async () => (await finalizers()) === 'redis-queue.io/queue-data', { timeoutMs: 60_000 });
  const { cluster, site } = team;
  await removeChart(cluster, site.namespace, 'queue-controller');
  expect(await finalizers()).toBe('');
  await run(cluster.kubectl, ['delete', 'namespace', site.namespace, '--timeout=60s']);
});

describe('the workerpool controller alone', () => {
  it('runs the pool at spec.replicas, with no autoscaler and no bus', async () => {
    await team.install('workerpool-controller', { 'bus.enabled': 'false' });
    await team.applyExamples({ replicas: 2, autoscaling: null });
    expect((await team.condition(POOL, 'Ready', 'True')).status).toBe('True');
    expect(await workers()).toBe(2);
    const measured = async () => Number(await team.kubectl('get', POOL, '-o=jsonpath={.status.podStartSeconds}'));
    const seconds = await eventually(measured, { timeoutMs: 60_000, description: 'the start time of the pods' });
    expect(seconds).toBeLessThan(120);
  });

  it('goes on when its leader is killed, because a second replica takes over', async () => {
    await team.install('workerpool-controller', { replicas: '2', 'bus.enabled': 'false' });
    await team.applyExamples({ replicas: 1, autoscaling: null });
    await eventually(async () => (await workers()) === 1, { timeoutMs: 60_000 });
    const holder = await leader();
    await killPod(team.cluster, team.site.namespace, holder);
    await sized(2);
    await eventually(async () => (await workers()) === 2, { timeoutMs: 60_000 });
    expect(await team.pods('app.kubernetes.io/name=workerpool-controller')).toHaveLength(2);
  });
});

/** The pod that holds the Lease; its holder is the pod's name, perhaps with a suffix. */
async function leader(): Promise<string> {
  const holder = await team.kubectl('get', 'lease', 'workerpool-controller', '-o=jsonpath={.spec.holderIdentity}');
  const pods = await team.pods('app.kubernetes.io/name=workerpool-controller');
  const pod = pods.find((name) => holder.startsWith(name));
  if (!pod) throw new Error(`the Lease is held by "${holder}", which is none of ${pods.join(', ')}`);
  return pod;
}
