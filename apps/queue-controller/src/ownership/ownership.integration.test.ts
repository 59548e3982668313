import { NAMESPACES } from '@redis-queue/controller';
import { eventually, startRedis } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PATIENCE_MS } from '../deletion/blocked.ts';
import { LATER_MS, runController, testCluster, type StoredQueue, type TestCluster } from '../testing/cluster.ts';

// Whose queue it is, and what is left of it when its object goes.

const PASSWORD = 'hunter2';
let t: TestCluster;
let controller: RunningController;
/** How far the controller's clock is ahead of the API server's. */
let aheadMs = 0;
beforeAll(async () => {
  t = await testCluster({ password: PASSWORD });
  controller = await runController(t, () => aheadMs);
});
afterEach(() => {
  aheadMs = 0;
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

// Wall 1: whoever may write to the queue may write a name that the API server refuses for ever.
it('a mark or a claim that names no object keeps no Queue from governing, and none from going', async () => {
  const namespace = await team();
  const { uid } = (await t.client.get(NAMESPACES, { name: 'kube-system' }))!.metadata;
  const mark = { v: 1, owner: `${uid}/${namespace}/.`, managed: [], adoptedAt: '' };
  await t.redis.hset('bull:named-dot:meta', 'redis-queue:owner', JSON.stringify(mark));
  const taken = await t.queue(namespace, 'named-dot', { globalConcurrency: 5, deletionPolicy: 'Delete' });
  const claimed = await t.queue(namespace, 'claimed-dot', { deletionPolicy: 'Delete' });
  await t.settled(taken, 'Applied');
  await t.settled(claimed, 'Applied');
  expect(await t.meta('named-dot')).toMatchObject({ concurrency: '5' });
  await t.redis.hset('bull:claimed-dot:meta', 'redis-queue:claims', `${Date.now() + 300_000} ${uid}/${namespace}/..\n`);
  for (const queue of [taken, claimed]) {
    await t.remove(queue);
    await t.patch(queue, { metadata: { annotations: { 'redis-queue.io/force-delete': 'true' } } });
    await t.gone(queue);
  }
});

/** A namespace whose Secret has this password. */
async function team(password = PASSWORD): Promise<string> {
  const namespace = await t.cluster.createNamespace('team');
  await usePassword(namespace, password);
  return namespace;
}
const usePassword = (namespace: string, password: string): Promise<unknown> =>
  t.secret(namespace, { 'redis-host': t.server.host, 'redis-port': String(t.server.port), 'redis-password': password });

const ownerOf = async (name: string): Promise<unknown> =>
  (JSON.parse((await t.meta(name))['redis-queue:owner'] ?? '{}') as { owner?: string }).owner?.split('/')[1];
const retained = (queue: StoredQueue, why: RegExp): Promise<true> =>
  eventually(
    async () =>
      (await t.eventsOf(queue)).some(
        ({ reason, type, message }) => reason === 'DataRetained' && type === 'Warning' && why.test(message),
      ),
    { description: 'a warning that the data stays' },
  );

/** The deleted Queue has gone, and the other has all of its data, for good. */
async function arrived(old: StoredQueue, moved: StoredQueue): Promise<void> {
  const { name, namespace } = moved.metadata;
  await t.settled(moved, 'Applied');
  await t.gone(old);
  await retained(old, new RegExp(`${namespace}/${name}`));
  expect(await ownerOf(name)).toBe(namespace);
  // Long after a minute: nobody comes back to remove it.
  aheadMs = LATER_MS;
  await t.patch(moved, { spec: { globalConcurrency: 5 } });
  await t.settled(moved, 'Applied');
  expect(await t.redis.lrange(`bull:${name}:wait`, 0, -1)).toEqual(['b', 'a']);
  expect(await t.meta(name)).toMatchObject({ concurrency: '5' });
  expect(await t.meta(name)).not.toHaveProperty('paused');
}

/** A deleted Queue whose Redis is gone. */
async function orphaned(name: string): Promise<StoredQueue> {
  const namespace = await team();
  const other = await startRedis();
  await t.secret(namespace, { 'redis-url': other.url });
  const queue = await t.queue(namespace, name, { deletionPolicy: 'Delete' });
  await t.settled(queue, 'Applied');
  await other.stop();
  await t.settled(queue, 'RedisUnreachable');
  await t.remove(queue);
  await t.settled(queue, 'RedisUnreachable', 'DeletionBlocked');
  return queue;
}

describe('a claim counts once Redis has accepted its credentials', () => {
  it('a squatter without the password keeps nobody from the queue, although it is older', async () => {
    const squatter = await t.queue(await team('guessed'), 'coveted');
    await t.settled(squatter, 'RedisAuthFailed');
    const namespace = await team();
    // Creation counts whole seconds.
    await eventually(() => Date.now() >= Date.parse(squatter.metadata.creationTimestamp!) + 1_000);
    await t.settled(await t.queue(namespace, 'coveted', { globalConcurrency: 4 }), 'Applied');
    expect(await ownerOf('coveted')).toBe(namespace);
    await t.settled(squatter, 'RedisAuthFailed');
  });

  it('who holds the mark keeps it while its object names the queue, also while its password is wrong', async () => {
    const [first, second] = [await team(), await team()];
    const holder = await t.queue(first, 'held', { globalConcurrency: 4 });
    await t.settled(holder, 'Applied');
    await usePassword(first, 'rotated');
    await t.settled(holder, 'RedisAuthFailed');
    await t.settled(await t.queue(second, 'held', { globalConcurrency: 9 }), 'WaitingForOwner');
    expect([await ownerOf('held'), (await t.meta('held'))['concurrency']]).toEqual([first, '4']);
    await usePassword(first, PASSWORD);
    await t.settled(holder, 'Applied');
  });
});

it('whoever may write to Redis writes a date into the mark: the status is written all the same', async () => {
  const queue = await t.queue(await team(), 'dated', { globalConcurrency: 4 });
  await t.settled(queue, 'Applied');
  const mark = JSON.parse((await t.meta('dated'))['redis-queue:owner']!) as object;
  await t.redis.hset('bull:dated:meta', 'redis-queue:owner', JSON.stringify({ ...mark, adoptedAt: 'yesterday' }));
  await t.patch(queue, { spec: { globalConcurrency: 5 } });
  const written = await eventually(async () => {
    const now = await t.read(queue);
    return now.status?.observedGeneration === now.metadata.generation && now;
  });
  expect(written.status?.adoptedAt).toBe('1970-01-01T00:00:00.000Z');
});

describe('a Queue that GitOps moves to another namespace loses nothing', () => {
  const spec = { deletionPolicy: 'Delete', paused: false, globalConcurrency: 4 } as const;

  async function filled(name: string): Promise<{ old: StoredQueue; target: string }> {
    const [from, target] = [await team(), await team()];
    const old = await t.queue(from, name, spec);
    await t.settled(old, 'Applied');
    await t.redis.lpush(`bull:${name}:wait`, 'a', 'b');
    return { old, target };
  }

  it('deleted first, created then', async () => {
    const { old, target } = await filled('out-in');
    await t.remove(old);
    const waits = await t.settled(old, 'DeletionDelayed');
    expect(waits.status?.conditions?.map(({ type }) => type)).not.toContain('DeletionBlocked');
    await expect(arrived(old, await t.queue(target, 'out-in', spec))).resolves.toBeUndefined();
  });

  it('created first, deleted then', async () => {
    const { old, target } = await filled('in-out');
    const moved = await t.queue(target, 'in-out', spec);
    await t.settled(moved, 'WaitingForOwner');
    await t.remove(old);
    await expect(arrived(old, moved)).resolves.toBeUndefined();
  });

  it('but a claimant without the password inherits nothing: the data goes a minute after the deletion', async () => {
    const { old } = await filled('unclaimed');
    await t.remove(old);
    await t.settled(old, 'DeletionDelayed');
    await t.settled(await t.queue(await team('guessed'), 'unclaimed', spec), 'RedisAuthFailed');
    aheadMs = LATER_MS;
    await t.gone(old);
    expect(await t.redis.keys('bull:unclaimed:*')).toEqual([]);
  });
});

describe('a deleted Queue whose Redis is gone', () => {
  it('is released at once by deletionPolicy Retain', async () => {
    const queue = await orphaned('retained');
    await t.patch(queue, { spec: { deletionPolicy: 'Retain' } });
    await t.gone(queue);
    expect(await retained(queue, /deletionPolicy is Retain/)).toBe(true);
  });

  it('is released at once by the annotation of force', async () => {
    const queue = await orphaned('forced');
    await t.patch(queue, { metadata: { annotations: { 'redis-queue.io/force-delete': 'true' } } });
    await t.gone(queue);
    expect(await retained(queue, /127\.0\.0\.1/)).toBe(true);
  });

  it('is released after five minutes, with a warning that the data stays', async () => {
    const queue = await orphaned('patient');
    aheadMs = PATIENCE_MS;
    await t.gone(queue);
    expect(await retained(queue, /127\.0\.0\.1/)).toBe(true);
  });
});

it('Refuse takes its own queue again after Redis lost its data, though producers were there first', async () => {
  const queue = await t.queue(await team(), 'lossy', { adoptionPolicy: 'Refuse', globalConcurrency: 4 });
  const applied = await t.settled(queue, 'Applied');
  expect(applied.status?.effective).toMatchObject({ redisAddress: `${t.server.host}:${t.server.port}` });
  await t.redis.multi().del('bull:lossy:meta').hset('bull:lossy:meta', 'version', 'bullmq:6.7.0').exec();
  await eventually(async () => (await t.meta('lossy'))['concurrency'] === '4', { description: 'the limit to be back' });
  await t.settled(queue, 'Applied');
});
