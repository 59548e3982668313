import { END_RESTORE_ANNOTATION, type QueueSpec } from '@redis-queue/api';
import { beginRestore, RecordWriter, RESTORE_FIELD } from '@redis-queue/bullmq';
import { findCondition } from '@redis-queue/controller';
import { eventually, startRedis } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runController, testCluster, type TestCluster } from './testing/cluster.ts';

/** So that a steady state is many reconciles. */
const FULL_CHECK_MS = 300;

let t: TestCluster;
let controller: RunningController;
beforeAll(async () => {
  t = await testCluster();
  controller = await runController(t, undefined, undefined, FULL_CHECK_MS);
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

describe('a queue is brought to its spec', () => {
  it('limits and pause are set, shown in the status, and reported by events', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'new', {
      rateLimits: { maxJobsPerSecond: 100, burstCapacity: 200 },
      globalConcurrency: 5,
      paused: true,
    });
    const ready = await t.settled(queue, 'Applied');
    expect(await t.meta('new')).toMatchObject({ max: '200', duration: '2000', concurrency: '5', paused: '1' });
    expect(ready.status).toMatchObject({
      effective: {
        name: 'new',
        prefix: 'bull',
        rateLimit: { max: 200, durationMs: 2000 },
        redisVersion: expect.stringMatching(/^7/),
      },
      adoptedAt: expect.any(String),
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Available', status: 'True' },
        { type: 'Degraded', status: 'False' },
      ],
    });
    await eventually(async () => {
      expect((await t.eventsOf(queue)).map(({ reason }) => reason).toSorted()).toEqual(['Adopted', 'PolicyApplied']);
      return true;
    });
  });

  it.concurrent.each<[string, QueueSpec]>([
    ['left', { dlqPolicy: { enabled: true } }],
    ['left-to-run', { paused: false }],
  ])(
    'a queue that a restore has left says so, and is resumed with its dead letters and the next restore allowed, as the annotation asks: %s',
    async (name, spec) => {
      const ns = await t.namespace();
      const [ref, letters] = [
        { prefix: 'bull', name },
        { prefix: 'bull', name: `${name}-dlq` },
      ];
      await beginRestore(t.redis, letters, 'r-7');
      await beginRestore(t.redis, ref, 'r-7');
      const writer = new RecordWriter(t.redis, ref, {
        from: ref,
        restoreId: 'r-7',
        openFlows: 'Refuse',
        signal: AbortSignal.timeout(30_000),
      });
      await writer.write([
        { kind: 'queue', ...ref, meta: {}, snapshotAt: 1, consistent: true },
        { kind: 'index', state: 'waiting', entries: [['a']] },
        { kind: 'job', id: 'a', hash: { name: 'j', data: '{}', opts: '{}' } },
      ]);
      await writer.finish();
      const queue = await t.queue(ns, name, spec);
      const held = async () => findCondition((await t.read(queue)).status?.conditions, 'HeldByRestore');
      await eventually(async () => (await held())?.message.includes('end-restore=r-7'));
      const annotate = (id: string) => t.patch(queue, { metadata: { annotations: { [END_RESTORE_ANNOTATION]: id } } });
      await annotate('r-8');
      await t.settled(queue, spec.paused === false ? 'Restoring' : 'Applied');
      expect(await t.redis.hexists(`bull:${name}:meta`, RESTORE_FIELD)).toBe(1);
      await annotate('r-7');
      await eventually(async () => (await held()) === undefined);
      for (const meta of [`bull:${name}:meta`, `bull:${name}-dlq:meta`])
        await eventually(async () =>
          (await t.redis.hmget(meta, 'paused', RESTORE_FIELD)).every((text) => text === null),
        );
      expect(await t.redis.lrange(`bull:${name}:wait`, 0, -1)).toEqual(['a']);
    },
  );

  it('a queue whose name is no legal spec.name is governed by it, under a prefix of two parts', async () => {
    const redis = { queueName: 'sendEmail', prefix: 'app:bull' };
    await t.redis.rpush('app:bull:sendEmail:wait', '1', '2');
    const queue = await t.queue(await t.namespace(), 'emails', { globalConcurrency: 5, redis });
    const { status } = await t.settled(queue, 'Applied');
    expect(await t.redis.hget('app:bull:sendEmail:meta', 'concurrency')).toBe('5');
    expect(status?.effective).toMatchObject({ name: 'sendEmail', prefix: 'app:bull' });
    await eventually(async () => (await t.read(queue)).status?.counts?.waiting === 2);
    expect(await t.redis.keys('bull:emails:*')).toEqual([]);
  });

  it('adoption changes nothing that the spec does not name', async () => {
    const ns = await t.namespace();
    const before = {
      max: '7',
      duration: '700',
      concurrency: '3',
      paused: '1',
      version: 'bullmq:5.0.0',
      'opts.maxLenEvents': '10000',
    };
    await t.redis.hset('bull:old:meta', before);
    await t.settled(await t.queue(ns, 'old'), 'Applied');
    const { 'redis-queue:owner': mark, ...after } = await t.meta('old');
    expect(after).toEqual(before);
    expect(JSON.parse(mark!)).toMatchObject({
      v: 1,
      managed: [],
      owner: expect.stringMatching(new RegExp(`^[0-9a-f-]{36}/${ns}/old$`)),
    });
  });

  it('a field that is taken out of the spec is cleared in Redis', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'shrink', {
      rateLimits: { maxJobsPerSecond: 10 },
      globalConcurrency: 5,
      paused: true,
    });
    await t.settled(queue, 'Applied');
    await t.patch(queue, { spec: { rateLimits: null, paused: null } });
    const ready = await t.settled(queue, 'Applied');
    const { 'redis-queue:owner': mark, ...rest } = await t.meta('shrink');
    expect(rest).toEqual({ concurrency: '5' });
    expect(JSON.parse(mark!)).toMatchObject({ managed: ['globalConcurrency'] });
    expect(ready.status?.effective).not.toHaveProperty('rateLimit');
  });

  it('jobs of a paused queue that BullMQ 5 may lose are moved, as of a pause by an older release', async () => {
    const ns = await t.namespace();
    await t.redis.hset('bull:paused-before:meta', 'paused', '1');
    await t.redis.rpush('bull:paused-before:wait', '2', '1');
    const queue = await t.queue(ns, 'paused-before', { paused: true });
    const ready = await t.settled(queue, 'Applied');
    expect(await t.redis.lrange('bull:paused-before:paused', 0, -1)).toEqual(['2', '1']);
    expect(await t.redis.exists('bull:paused-before:wait')).toBe(0);
    expect(ready.status?.effective).toMatchObject({ paused: true });
  });

  it('a queue that a restore fills is not resumed before that, and says why', async () => {
    const ns = await t.namespace();
    await t.redis.hset('bull:filled:meta', 'paused', '1', 'redis-queue:restore', 'r-1 1 filling');
    const queue = await t.queue(ns, 'filled', { paused: false });
    const ready = await t.settled(queue, 'Restoring');
    expect(ready.status?.effective).toMatchObject({ paused: true });
    expect(await t.meta('filled')).toMatchObject({ paused: '1' });
    await t.redis.hset('bull:filled:meta', 'redis-queue:restore', 'r-1 1 held');
    await t.settled(queue, 'Applied');
    expect(await t.meta('filled')).not.toHaveProperty('paused');
  });

  it('what somebody else changed in Redis is set back, reported by an event and counted', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'drift', { globalConcurrency: 5 });
    await t.settled(queue, 'Applied');
    await t.redis.hset('bull:drift:meta', 'concurrency', '500');
    await eventually(async () => (await t.meta('drift')).concurrency === '5');
    await eventually(async () =>
      (await t.eventsOf(queue)).some(
        ({ reason, message }) => reason === 'DriftRepaired' && message.includes('to 5, from 500'),
      ),
    );
    expect(await controller.manager.registry.metrics()).toMatch(
      /redis_queue_drift_corrections_total\{step="setGlobalConcurrency"\} 1/,
    );
  });

  it('Observe plans in the status and writes nothing', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'watched', { adoptionPolicy: 'Observe', globalConcurrency: 5 });
    const ready = await t.settled(queue, 'Observed');
    expect(ready.status?.plan).toEqual(['mark the queue as governed by this Queue', 'set the global concurrency to 5']);
    expect(await t.meta('watched')).toEqual({});
    await t.patch(queue, { spec: { adoptionPolicy: 'Adopt' } });
    expect((await t.settled(queue, 'Applied')).status).not.toHaveProperty('plan');
    expect(await t.meta('watched')).toMatchObject({ concurrency: '5' });
  });

  it('Refuse leaves a queue that exists alone', async () => {
    const ns = await t.namespace();
    await t.redis.hset('bull:theirs:meta', { version: 'bullmq:6.7.0' });
    await t.settled(await t.queue(ns, 'theirs', { adoptionPolicy: 'Refuse', globalConcurrency: 1 }), 'QueueExists');
    expect(await t.meta('theirs')).toEqual({ version: 'bullmq:6.7.0' });
  });
});

describe('whose queue it is', () => {
  it('of two objects for one queue the older governs, and the younger takes over when the older goes', async () => {
    const [first, second] = [await t.namespace(), await t.namespace()];
    const older = await t.queue(first, 'shared', { globalConcurrency: 1 });
    await t.settled(older, 'Applied');
    const younger = await t.queue(second, 'same', { name: 'shared', globalConcurrency: 2 });
    const blocked = await t.settled(younger, 'WaitingForOwner');
    expect(blocked.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain(`${first}/shared`);
    expect(await t.meta('shared')).toMatchObject({ concurrency: '1' });
    await t.remove(older);
    await t.settled(younger, 'Applied');
    expect(await t.meta('shared')).toMatchObject({ concurrency: '2' });
  });

  it("another cluster's queue is taken over only with the annotation", async () => {
    const ns = await t.namespace();
    await t.redis.hset('bull:moved:meta', {
      'redis-queue:owner': '{"v":1,"owner":"other/shop/moved","managed":[],"adoptedAt":"2026-01-01T00:00:00Z"}',
    });
    const queue = await t.queue(ns, 'moved', { globalConcurrency: 3 });
    await t.settled(queue, 'OwnedByOtherCluster');
    expect(await t.meta('moved')).not.toHaveProperty('concurrency');
    await t.patch(queue, { metadata: { annotations: { 'redis-queue.io/take-over': 'true' } } });
    await t.settled(queue, 'Applied');
    expect(await t.meta('moved')).toMatchObject({ concurrency: '3' });
  });
});

describe('the way to Redis', () => {
  it('a Secret that appears, and one that is corrected, is followed at once', async () => {
    const ns = await t.cluster.createNamespace('late');
    const queue = await t.queue(ns, 'late', { globalConcurrency: 4 });
    await t.settled(queue, 'SecretNotFound');
    await t.secret(ns, { 'redis-url': 'redis://127.0.0.1:1' });
    await t.settled(queue, 'RedisUnreachable');
    await t.secret(ns, { 'redis-url': t.server.url });
    await t.settled(queue, 'Applied');
    expect(await t.meta('late')).toMatchObject({ concurrency: '4' });
  });

  it('an outage of Redis shows within seconds, and heals when Redis is back', async () => {
    const ns = await t.namespace();
    await using other = await startRedis();
    await t.secret(ns, { 'redis-url': other.url }, 'second');
    const queue = await t.queue(ns, 'outage', { globalConcurrency: 4, redis: { secretRef: { name: 'second' } } });
    await t.settled(queue, 'Applied');
    await other.kill9();
    const down = await t.settled(queue, 'RedisUnreachable');
    expect(down.status?.effective).toMatchObject({ name: 'outage', redisVersion: expect.any(String) });
    await other.restart();
    await t.settled(queue, 'Applied');
  });

  it('a Secret that the controller may not read is named, with the Helm value to change', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'private', { redis: { secretRef: { name: 'other' } } });
    const blocked = await t.settled(queue, 'SecretNotPermitted');
    expect(JSON.stringify(blocked.status?.conditions)).toContain('redis.secretNames');
  });

  it('the sampler logs in with a Secret of its own, and the controller with the common one', async () => {
    const ns = await t.namespace();
    await t.redis.call('ACL', 'SETUSER', 'reader', 'on', '>hunter2', '~*', '+@all', '-@write');
    const { host, port } = t.server;
    await t.secret(ns, { 'redis-url': `redis://reader:hunter2@${host}:${port}` }, 'second');
    const queue = await t.queue(ns, 'roles', {
      globalConcurrency: 4,
      redis: { secretRefs: { sampler: { name: 'second' } } },
    });
    await t.settled(queue, 'Applied');
    expect(await t.meta('roles')).toMatchObject({ concurrency: '4' });
    await eventually(async () => (await t.read(queue)).status?.counts, { description: 'the sample' });
    const users = [...String(await t.redis.client('LIST')).matchAll(/name=redis-queue-controller .*user=(\w+)/g)];
    expect(new Set(users.map(([, user]) => user))).toEqual(new Set(['default', 'reader']));
    await t.secret(ns, { 'redis-url': `redis://reader:hunter2@${host}:${port}/3` }, 'second');
    const mixed = await t.settled(queue, 'MixedRedis');
    expect(mixed.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toMatch(
      /redis-credentials \(controller\) .*second \(sampler\) .*database 3/,
    );
  });

  it('a Redis that may evict jobs is reported', async () => {
    const ns = await t.namespace();
    await t.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    try {
      await t.secret(ns, { 'redis-host': 'localhost', 'redis-port': String(t.server.port) }, 'second');
      const queue = await t.queue(ns, 'evict', { redis: { secretRef: { name: 'second' } } });
      await t.settled(queue, 'EvictionEnabled', 'MaxmemoryPolicy');
    } finally {
      await t.redis.config('SET', 'maxmemory-policy', 'noeviction');
    }
    expect(await t.redis.ping()).toBe('PONG');
  });
});

describe('deletion', () => {
  it('Retain touches nothing in Redis and needs no finalizer', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'kept', { globalConcurrency: 4 });
    expect((await t.settled(queue, 'Applied')).metadata.finalizers).toBeUndefined();
    const before = await t.meta('kept');
    await t.remove(queue);
    await t.gone(queue);
    expect(await t.meta('kept')).toEqual(before);
  });

  it('Delete waits for active jobs, with the queue paused, then leaves nothing', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'wiped', { deletionPolicy: 'Delete' });
    await t.settled(queue, 'Applied');
    await t.redis.lpush('bull:wiped:wait', 'a', 'b');
    await t.redis.lpush('bull:wiped:active', 'c');
    await t.remove(queue);
    await t.settled(queue, 'ActiveJobs');
    expect(await t.meta('wiped')).toMatchObject({ paused: '1' });
    await t.redis.del('bull:wiped:active');
    await t.gone(queue);
    expect(await t.redis.keys('bull:wiped:*')).toEqual([]);
  });

  it('Delete names workers that are still connected: they write to the queue again', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'served', { deletionPolicy: 'Delete' });
    await t.settled(queue, 'Applied');
    const connection = { host: t.server.host, port: t.server.port };
    const worker = new Worker('served', () => Promise.resolve(), { connection, stalledInterval: 1_000 });
    try {
      await eventually(async () => (await t.redis.exists('bull:served:stalled-check')) === 1);
      await t.remove(queue);
      await t.gone(queue);
      await eventually(async () =>
        (await t.eventsOf(queue)).some(
          ({ reason, type, message }) =>
            reason === 'DataRemoved' && type === 'Warning' && message.includes('bull:served:meta'),
        ),
      );
      // Which it does; another release of BullMQ may not.
      expect(await eventually(async () => (await t.redis.exists('bull:served:meta')) === 1)).toBe(true);
    } finally {
      await worker.close(true);
    }
  });

  it('force-delete does not wait', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'forced', { deletionPolicy: 'Delete' }, { 'redis-queue.io/force-delete': 'true' });
    await t.settled(queue, 'Applied');
    await t.redis.lpush('bull:forced:active', 'c');
    await t.remove(queue);
    await t.gone(queue);
    expect(await t.redis.keys('bull:forced:*')).toEqual([]);
  });

  it('DeleteIfEmpty keeps jobs, and says so', async () => {
    const ns = await t.namespace();
    const queue = await t.queue(ns, 'full', { deletionPolicy: 'DeleteIfEmpty' });
    await t.settled(queue, 'Applied');
    await t.redis.lpush('bull:full:wait', 'a');
    await t.remove(queue);
    await t.gone(queue);
    expect(await t.redis.llen('bull:full:wait')).toBe(1);
    await eventually(async () =>
      (await t.eventsOf(queue)).some(({ reason, type }) => reason === 'DataRetained' && type === 'Warning'),
    );
  });
});

it('counts come to the status and to the metrics', async () => {
  const ns = await t.namespace();
  const queue = await t.queue(ns, 'counted');
  await t.settled(queue, 'Applied');
  await t.redis.lpush('bull:counted:wait', 'a', 'b', 'c');
  const series = `redis_queue_jobs{namespace="${ns}",queue="counted",state="waiting"} 3`;
  await eventually(async () => (await controller.manager.registry.metrics()).includes(series));
  expect((await eventually(async () => (await t.read(queue)).status?.counts)).active).toBe(0);
});

async function reconciles(): Promise<number> {
  const text = await controller.manager.registry.metrics();
  const counts = [...text.matchAll(/^controller_runtime_reconcile_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

const WRITES = /^(h?set|hsetnx|hdel|del|unlink|[xz]add|zrem|[lr]push|rename|incr|p?expire|evalsha|eval)$/;

it('steady state is silent: comparing unchanged queues writes neither to the API server nor to Redis', async () => {
  const ns = await t.namespace();
  const created = await t.queue(ns, 'silent', {
    rateLimits: { maxJobsPerSecond: 10 },
    globalConcurrency: 5,
    paused: false,
    dlqPolicy: { enabled: true, maxRetries: 3, retentionDays: 1 },
    retention: { completedJobs: '1h', failedJobs: '1h', maxBytes: '1Gi', maxEvents: 100 },
    priorities: [1, 2],
    priorityPolicy: 'Clamp',
  });
  await t.settled(created, 'Applied');
  await eventually(async () => (await t.read(created)).status?.counts);
  await eventually(async () => (await t.meta('silent'))['opts.maxLenEvents'] === '100');
  await eventually(async () => (await t.redis.hexists('bull:silent-dlq:meta', 'redis-queue:lost-after')) === 1);
  const queue = await t.read(created);
  const before = await reconciles();
  await t.redis.config('RESETSTAT');
  await eventually(async () => (await reconciles()) >= before + 50);
  const commands = [...(await t.redis.info('commandstats')).matchAll(/cmdstat_([a-z_|]+):/g)].map(([, name]) => name!);
  expect(commands).toContain('hmget');
  expect(commands.filter((name) => WRITES.test(name))).toEqual([]);
  expect((await t.read(queue)).metadata.resourceVersion).toBe(queue.metadata.resourceVersion);
});
