import type { QueueSpec } from '@redis-queue/api';
import { RedisConnections } from '@redis-queue/bullmq';
import { eventually, startRedis, type RedisServer } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runController, testCluster, type StoredQueue, type TestCluster } from '../testing/cluster.ts';

// A Secret that leads to another Redis than before: what the Queue managed in the former one goes, and its jobs stay.

const OWNER = 'redis-queue:owner';
const connections = new RedisConnections();
let t: TestCluster;
let controller: RunningController;
let other: RedisServer;
beforeAll(async () => {
  [t, other] = await Promise.all([testCluster(), startRedis()]);
  controller = await runController(t);
});
afterAll(async () => {
  await controller?.stop();
  connections.close();
  await other?.stop();
  await t?.[Symbol.asyncDispose]();
});

const spec: QueueSpec = { rateLimits: { maxJobsPerSecond: 10 }, globalConcurrency: 4 };
const addressOf = ({ host, port }: RedisServer): string => `${host}:${port}`;
const clientOf = ({ host, port }: RedisServer) => connections.get({ host, port });
const metaAt = (server: RedisServer, name: string): Promise<Record<string, string>> =>
  clientOf(server).hgetall(`bull:${name}:meta`);
const lead = (namespace: string, server: RedisServer, host: string = server.host): Promise<unknown> =>
  t.secret(namespace, { 'redis-host': host, 'redis-port': String(server.port) });

async function governed(name: string, change: QueueSpec = {}, namespace?: string): Promise<StoredQueue> {
  const queue = await t.queue(namespace ?? (await t.namespace()), name, { ...spec, ...change });
  await t.settled(queue, 'Applied');
  await t.redis.lpush(`bull:${name}:wait`, 'a', 'b');
  return queue;
}

const arrived = (queue: StoredQueue, server: RedisServer): Promise<StoredQueue> =>
  eventually(
    async () => {
      const now = await t.read(queue);
      const ready = now.status?.conditions?.find(({ type }) => type === 'Ready');
      return now.status?.effective?.redisAddress === addressOf(server) && ready?.reason === 'Applied' && now;
    },
    { description: `${queue.metadata.name} to be at ${addressOf(server)}` },
  );
const heldNowhere = (queue: StoredQueue): Promise<StoredQueue> =>
  eventually(
    async () => {
      const now = await t.read(queue);
      return now.status?.formerRedis === undefined && !heldOf(now) && now;
    },
    { description: `no former Redis of ${queue.metadata.name}` },
  );
const heldOf = (queue: StoredQueue) => queue.status?.conditions?.find(({ type }) => type === 'FormerRedisHeld');

describe('a Queue whose Secret leads to another Redis', () => {
  it('is released in the former one: mark and limits go, jobs and what others set there stay', async () => {
    const namespace = await t.namespace();
    const [one, two] = [await governed('mv-one', {}, namespace), await governed('mv-two', {}, namespace)];
    const neighbour = await governed('mv-three');
    await t.redis.hset('bull:mv-one:meta', 'version', 'bullmq:6.7.0');
    // As a replica that is promoted, or a restored backup, has it.
    await clientOf(other).hset('bull:mv-two:meta', await t.meta('mv-two'));
    await lead(namespace, other);
    for (const queue of [one, two]) {
      await arrived(queue, other);
      await heldNowhere(queue);
      expect(await metaAt(other, queue.metadata.name)).toMatchObject({ concurrency: '4', max: '10' });
      expect(await t.redis.llen(`bull:${queue.metadata.name}:wait`)).toBe(2);
    }
    expect(await t.meta('mv-one')).toEqual({ version: 'bullmq:6.7.0' });
    expect(await t.meta('mv-two')).toEqual({});
    expect(await t.meta('mv-three')).toMatchObject({ concurrency: '4', [OWNER]: expect.any(String) as string });
    await t.settled(neighbour, 'Applied');
    const events = await eventually(async () => {
      const found = (await t.eventsOf(one)).filter(({ reason }) => reason === 'FormerRedisReleased');
      return found.length > 0 && found;
    });
    expect(events).toMatchObject([
      { type: 'Normal', message: expect.stringContaining('(owner mark, rateLimit, globalConcurrency)') as string },
    ]);
  });

  it('stays paused there, also when it is resumed in the new one, so that jobs that were copied run once', async () => {
    const queue = await governed('mv-paused', { paused: true });
    await lead(queue.metadata.namespace!, other);
    await arrived(queue, other);
    await t.patch(queue, { spec: { paused: false } });
    await t.settled(queue, 'Applied');
    await heldNowhere(queue);
    expect([await t.meta('mv-paused'), await t.redis.exists('bull:mv-paused:marker')]).toEqual([{ paused: '1' }, 0]);
    expect(await metaAt(other, 'mv-paused')).not.toHaveProperty('paused');
    const released = await eventually(async () =>
      (await t.eventsOf(queue)).find(({ reason }) => reason === 'FormerRedisReleased'),
    );
    expect(released.message).toContain('It stays paused there');
  });

  it('is governed there again when it moves back', async () => {
    const queue = await governed('mv-back');
    await lead(queue.metadata.namespace!, other);
    await arrived(queue, other);
    await lead(queue.metadata.namespace!, t.server);
    await arrived(queue, t.server);
    await heldNowhere(queue);
    expect(await t.meta('mv-back')).toMatchObject({ concurrency: '4', [OWNER]: expect.any(String) as string });
    expect(await metaAt(other, 'mv-back')).toEqual({});
  });

  it('is released in the former one also when it only observed while it was moved', async () => {
    const schedulers = [{ name: 'nightly', cron: '0 2 * * *', template: { name: 'run' } }];
    const queue = await governed('mv-observed', { schedulers });
    await t.patch(queue, { spec: { adoptionPolicy: 'Observe' } });
    await t.settled(queue, 'Observed');
    await lead(queue.metadata.namespace!, other);
    await eventually(async () => (await t.read(queue)).status?.effective?.redisAddress === addressOf(other));
    await t.patch(queue, { spec: { adoptionPolicy: 'Adopt' } });
    await arrived(queue, other);
    await heldNowhere(queue);
    expect(await clientOf(other).zcard('bull:mv-observed:repeat')).toBe(1);
    expect([await t.meta('mv-observed'), await t.redis.zcard('bull:mv-observed:repeat')]).toEqual([{}, 0]);
  });

  it('keeps its settings where two addresses lead to one Redis', async () => {
    const queue = await governed('mv-alias');
    const before = (await t.meta('mv-alias'))[OWNER];
    await lead(queue.metadata.namespace!, t.server, 'localhost');
    await eventually(async () => (await t.meta('mv-alias'))[OWNER] !== before, { description: 'a mark of its own' });
    await heldNowhere(queue);
    expect(await t.meta('mv-alias')).toMatchObject({ concurrency: '4', [OWNER]: expect.any(String) as string });
  });

  it.each<[string, QueueSpec, string]>([
    ['another governs it there', {}, 'WaitingForOwner'],
    ['it refuses a queue that exists there', { adoptionPolicy: 'Refuse' }, 'QueueExists'],
  ])('keeps what it has in the former one while %s, and says so', async (_, change, reason) => {
    const name = `mv-kept-${reason.toLowerCase()}`;
    const namespace = await t.namespace();
    await lead(namespace, other);
    if (reason === 'WaitingForOwner') await governed(name, {}, namespace);
    else await clientOf(other).hset(`bull:${name}:meta`, 'version', 'bullmq:6.7.0');
    const queue = await governed(name, change);
    const before = await t.meta(name);
    await lead(queue.metadata.namespace!, other);
    await t.settled(queue, reason);
    const held = await eventually(async () => {
      const now = await t.read(queue);
      return heldOf(now)?.message.includes('stays until this Queue governs the queue') && now;
    });
    expect(held.status?.formerRedis).toMatchObject([{ address: addressOf(t.server) }]);
    // A release is tried before the status of a reconcile is written.
    await t.patch(queue, { spec: { globalConcurrency: 5 } });
    await t.settled(queue, reason);
    expect(await t.meta(name)).toEqual(before);
  });

  it('has moved nowhere when only its password has changed', async () => {
    const namespace = await t.namespace();
    const queue = await governed('mv-rotated', {}, namespace);
    const before = await t.meta('mv-rotated');
    await t.redis.call('ACL', 'SETUSER', 'rotated', 'on', '>hunter2', '~*', '+@all');
    const { host, port } = t.server;
    await t.secret(namespace, { 'redis-url': `redis://rotated:hunter2@${host}:${port}` });
    await t.patch(queue, { spec: { globalConcurrency: 5 } });
    const now = await t.settled(queue, 'Applied');
    expect(now.status).not.toHaveProperty('formerRedis');
    expect((await t.meta('mv-rotated'))[OWNER]).toBe(before[OWNER]);
  });

  it('works at once in the new one while the former one hangs, and says so until that answers', async () => {
    await using hanging = await startRedis();
    const namespace = await t.namespace();
    await lead(namespace, hanging);
    const queue = await t.queue(namespace, 'mv-hung', spec);
    await t.settled(queue, 'Applied');
    process.kill(hanging.pid, 'SIGSTOP');
    try {
      await lead(namespace, other);
      // Before anything was asked of the former one, which takes as long as the deadline of a call.
      expect(heldOf(await arrived(queue, other))?.reason).toBe('ReleasingFormerRedis');
      const held = await t.settled(queue, 'FormerRedisHeld', 'FormerRedisHeld');
      expect(heldOf(held)?.message).toContain(`${addressOf(hanging)} (it does not answer in time)`);
      expect(held.status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('Applied');
    } finally {
      process.kill(hanging.pid, 'SIGCONT');
    }
    await heldNowhere(queue);
    expect(await metaAt(hanging, 'mv-hung')).toEqual({});
  });
});

/** Without a controller: nobody has the former credentials in memory. */
async function movedUnseen(name: string, change: QueueSpec = {}): Promise<StoredQueue> {
  const queue = await governed(name, change);
  await controller.stop();
  await lead(queue.metadata.namespace!, other);
  controller = await runController(t);
  await arrived(queue, other);
  const held = await t.settled(queue, 'FormerRedisHeld', 'FormerRedisHeld');
  expect(held.status?.formerRedis).toMatchObject([{ address: addressOf(t.server) }]);
  expect(heldOf(held)?.message).toContain('redis-queue.io/forget-former-redis');
  await eventually(async () =>
    (await t.eventsOf(queue)).some(({ reason, type }) => reason === 'FormerRedisHeld' && type === 'Warning'),
  );
  return queue;
}

describe('a Queue that was moved while nobody looked', () => {
  it('is released once a Secret has the former credentials, or forgotten by an annotation', async () => {
    const queue = await movedUnseen('mv-unseen');
    expect(await t.meta('mv-unseen')).toMatchObject({ concurrency: '4' });
    const { host, port } = t.server;
    await t.secret(queue.metadata.namespace!, { 'redis-host': host, 'redis-port': String(port) }, 'second');
    await heldNowhere(queue);
    expect(await t.meta('mv-unseen')).toEqual({});

    const forgotten = await movedUnseen('mv-forgotten');
    const annotations = { 'redis-queue.io/forget-former-redis': addressOf(t.server) };
    await t.patch(forgotten, { metadata: { annotations } });
    await heldNowhere(forgotten);
    await eventually(async () => (await t.eventsOf(forgotten)).some(({ reason }) => reason === 'FormerRedisForgotten'));
    expect(await t.meta('mv-forgotten')).toMatchObject({ concurrency: '4', [OWNER]: expect.any(String) as string });
  });

  it('says, when it is deleted before, where its mark and settings stay', async () => {
    const queue = await movedUnseen('mv-deleted', { deletionPolicy: 'DeleteIfEmpty' });
    await t.remove(queue);
    const said = await eventually(async () =>
      (await t.eventsOf(queue)).find(({ message }) => message.includes('create a Queue mv-deleted here again')),
    );
    expect(said).toMatchObject({ reason: 'FormerRedisHeld', type: 'Warning' });
    expect(said?.message).toContain(addressOf(t.server));
  });
});
