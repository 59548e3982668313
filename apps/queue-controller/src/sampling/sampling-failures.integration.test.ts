import { findCondition } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { testCluster, type StoredQueue, type TestCluster } from '../testing/cluster.ts';
import { CONCURRENCY, wireQueueController } from '../wire.ts';

// Walls 6 and 8: a sampler that cannot read says so on each queue within 10 s, and old counts do not look like new ones.

const SOON = { timeoutMs: 10_000 };

let t: TestCluster;
let controller: RunningController | undefined;
beforeAll(async () => {
  t = await testCluster();
});
afterEach(async () => {
  await controller?.stop();
  controller = undefined;
});
afterAll(async () => {
  await t?.[Symbol.asyncDispose]();
});

async function startController(sampleIntervalMs: number): Promise<void> {
  const settings = {
    secretNames: ['redis-credentials', 'second'],
    concurrency: CONCURRENCY,
    driftCheckMs: 60_000,
    sampleIntervalMs,
  };
  controller = await t.rig.controller((manager) => wireQueueController(manager, settings), {
    name: 'queue-controller',
  });
}

/** A queue whose sampler logs in as `reader`. */
async function sampledQueue(name: string, password: string): Promise<StoredQueue> {
  const namespace = await t.namespace();
  await secretOf(namespace, password);
  return await t.queue(namespace, name, { redis: { secretRefs: { sampler: { name: 'second' } } } });
}

async function secretOf(namespace: string, password: string): Promise<void> {
  const { host, port } = t.server;
  await t.secret(namespace, { 'redis-url': `redis://reader:${password}@${host}:${port}` }, 'second');
}

const samplingOf = (queue: StoredQueue) => findCondition(queue.status?.conditions, 'SamplingFailed');
/** Waits until the condition has this reason; undefined: until it is absent. */
const untilSampling = (queue: StoredQueue, reason: string | undefined): Promise<StoredQueue> =>
  eventually(
    async () => {
      const now = await t.read(queue);
      return now.status?.conditions !== undefined && samplingOf(now)?.reason === reason && now;
    },
    { ...SOON, description: `SamplingFailed to be ${reason}` },
  );

it('a Secret of the sampler that is wrong shows long before the next round, and heals with it', async () => {
  await t.redis.call('ACL', 'SETUSER', 'reader', 'on', '>right', '~*', '+@all', '-@write');
  await startController(3_600_000);
  // The only round is over when this one is reconciled.
  await t.settled(await t.queue(await t.namespace(), 'first'), 'Applied');
  const queue = await sampledQueue('refused', 'wrong');
  const failed = await untilSampling(queue, 'RedisAuthFailed');
  expect(samplingOf(failed)?.message).toMatch(
    /^counts and waits .* Secret second \(spec.redis.secretRefs.sampler\): .*refused the user or password/,
  );
  expect((await t.settled(queue, 'Applied')).status?.conditions).toHaveLength(4);
  await secretOf(queue.metadata.namespace!, 'right');
  await untilSampling(queue, undefined);
});

it('a right that is taken away shows with the next round; sampledAt stays, and Ready too', async () => {
  await t.redis.call('ACL', 'SETUSER', 'reader', 'on', '>right', '~*', '+@all', '-@write');
  await startController(500);
  const queue = await sampledQueue('revoked', 'right');
  const { status } = await eventually(async () => {
    const now = await t.read(queue);
    return now.status?.sampledAt !== undefined && now;
  }, SOON);
  await t.redis.call('ACL', 'SETUSER', 'reader', 'resetkeys');
  await t.redis.lpush('bull:revoked:wait', 'a');
  const failed = await untilSampling(queue, 'RedisNoPermission');
  expect(failed.status).toMatchObject({ counts: status!.counts, sampledAt: status!.sampledAt });
  expect(findCondition(failed.status?.conditions, 'Ready')?.status).toBe('True');
  await t.redis.call('ACL', 'SETUSER', 'reader', '~*');
  await untilSampling(queue, undefined);
});
