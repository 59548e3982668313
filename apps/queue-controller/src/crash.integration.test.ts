import type { QueueSpec } from '@redis-queue/api';
import { RedisConnections, readQueuePolicy, readSchedulers, sampleQueues } from '@redis-queue/bullmq';
import { startRedis, type RedisServer } from '@redis-queue/rig';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { applyPlan, type Writers } from './apply.ts';
import { planQueue } from './plan.ts';
import { readDeadLetters } from './ownership/read-dead-letters.ts';
import type { QueuePlan } from './steps.ts';
import { DATA_FINALIZER } from './deletion/policy.ts';
import { declaredSchedulers } from './schedulers/declared.ts';
import { CLUSTER, FENCE, markOf, NOW, queueObject } from './testing/queues.ts';

const ref = { prefix: 'bull', name: 'emails' };
const connections = new RedisConnections();
let server: RedisServer;
let redis: ReturnType<RedisConnections['get']>;
beforeAll(async () => {
  server = await startRedis();
  redis = connections.get(server);
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  connections.close();
  await server.stop();
});

/** One reconcile of a queue that may be cut off after `steps`; its object lives in `queue`. */
class Reconciler {
  readonly queue: ReturnType<typeof queueObject>;

  constructor(spec: QueueSpec, deleted: boolean) {
    const finalizers = deleted ? [DATA_FINALIZER] : [];
    this.queue = queueObject(spec, { finalizers, ...(deleted && { deletionTimestamp: '2026-03-04T05:00:00Z' }) });
  }

  async plan(): Promise<QueuePlan> {
    const declared = declaredSchedulers(this.queue.spec);
    const [policy, [sample], states, deadLetters] = await Promise.all([
      readQueuePolicy(redis, ref),
      sampleQueues(redis, [ref]),
      readSchedulers(redis, ref, declared.schedulers),
      readDeadLetters(this.queue, redis, (error) => expect.fail(String(error))),
    ]);
    const known = { clusterId: CLUSTER, fence: FENCE, claimants: [], holder: 'leaving' as const, deadLetters };
    const facts = { policy, schedulers: { declared, states }, ...(sample && { sample }) };
    return planQueue(this.queue, { ...known, ...facts }, NOW);
  }

  /** @throws when a step could not be done */
  async run(steps?: number): Promise<void> {
    const plan = await this.plan();
    const writers: Writers = {
      write: (write) => write(redis),
      applyFinalizer: ({ kind }) => {
        this.queue.metadata.finalizers = kind === 'addFinalizer' ? [DATA_FINALIZER] : [];
        return Promise.resolve();
      },
    };
    const cut = { ...plan, steps: plan.steps.slice(0, steps) };
    const { problem, failure } = await applyPlan(this.queue, ref, cut, writers);
    if (failure) throw failure.error;
    if (problem) throw new Error(problem.message);
  }
}

async function endState(reconciler: Reconciler): Promise<unknown> {
  const keys = (await redis.keys('*')).filter((key) => !/:(events|marker)$/.test(key)).toSorted();
  const id = await redis.get('bull:emails:id');
  const [meta, ofLetters] = await Promise.all(
    ['emails', 'emails-dlq'].map((name) => redis.hgetall(`bull:${name}:meta`)),
  );
  return { id, keys, meta, ofLetters, finalizers: reconciler.queue.metadata.finalizers };
}

const REMOVAL = { fence: 'former', paused: true };
const scenarios: [string, QueueSpec, boolean, () => Promise<unknown>][] = [
  [
    'a new queue with everything',
    { rateLimits: { maxJobsPerSecond: 10 }, globalConcurrency: 5, paused: true, deletionPolicy: 'Delete' },
    false,
    () => Promise.resolve(),
  ],
  [
    'everything is no longer managed',
    {},
    false,
    () =>
      redis.hset('bull:emails:meta', {
        'redis-queue:owner': markOf(['rateLimit', 'globalConcurrency', 'paused']),
        max: 1,
        duration: 100,
        concurrency: 2,
        paused: 1,
      }),
  ],
  [
    'drift of everything',
    { rateLimits: { maxJobsPerSecond: 10 }, globalConcurrency: 5, paused: false },
    false,
    () =>
      redis.hset('bull:emails:meta', {
        'redis-queue:owner': markOf(['rateLimit', 'globalConcurrency', 'paused']),
        max: 1,
        duration: 100,
        concurrency: 2,
        paused: 1,
        version: 'bullmq:6.7.0',
      }),
  ],
  [
    'one field is swapped for another',
    { globalConcurrency: 5 },
    false,
    () => redis.hset('bull:emails:meta', { 'redis-queue:owner': markOf(['rateLimit']), max: 1, duration: 100 }),
  ],
  [
    'job schedulers are added, and one is struck out',
    // In the far future, so that no run comes between two of the end states that are compared.
    { schedulers: ['first', 'second'].map((name) => ({ name, cron: '0 0 1 1 *' })) },
    false,
    async () => {
      await redis.hset('bull:emails:meta', {
        'redis-queue:owner': markOf([]),
        'redis-queue:schedulers': `${CLUSTER}/shop/emails\nold`,
      });
      await redis.zadd('bull:emails:repeat', 4e12, 'old');
      await redis.hset('bull:emails:repeat:old', { name: 'old', every: 1, ic: 1 });
      await redis.zadd('bull:emails:delayed', 4e12 * 4096, 'repeat:old:4000000000000');
      await redis.hset('bull:emails:repeat:old:4000000000000', { name: 'old', rjk: 'old' });
    },
  ],
  [
    'deletion with data',
    { deletionPolicy: 'Delete' },
    true,
    async () => {
      await redis.hset('bull:emails:meta', { 'redis-queue:owner': markOf([]) });
      await redis.lpush('bull:emails:wait', ...Array.from({ length: 1500 }, (_, i) => `j${i}`));
      await redis.set('bull:emails:limiter', '1', 'PX', 60_000);
    },
  ],
  [
    'a new queue with dead letters and a length of its stream',
    { dlqPolicy: { enabled: true }, retention: { maxEvents: 10 }, deletionPolicy: 'Delete' },
    false,
    () => Promise.resolve(),
  ],
  [
    'dead letters and the length of the stream are no longer managed',
    {},
    false,
    async () => {
      const mark = markOf(['deadLetters', 'maxEvents']);
      await redis.hset('bull:emails:meta', { 'redis-queue:owner': mark, 'opts.maxLenEvents': 10 });
      await redis.hset('bull:emails-dlq:meta', { 'redis-queue:owner': markOf([]), 'redis-queue:lost': 3 });
      await redis.zadd('bull:emails-dlq:failed', 1, 'letter');
    },
  ],
  [
    'deletion with dead letters',
    { dlqPolicy: { enabled: true }, deletionPolicy: 'Delete' },
    true,
    async () => {
      await redis.hset('bull:emails:meta', { 'redis-queue:owner': markOf(['deadLetters']) });
      await redis.lpush('bull:emails:wait', 'a', 'b');
      await redis.hset('bull:emails-dlq:meta', { 'redis-queue:owner': markOf([]) });
      await redis.zadd('bull:emails-dlq:failed', 1, 'letter');
    },
  ],
  [
    'a removal is given up',
    { deletionPolicy: 'Retain' },
    true,
    () => redis.hset('bull:emails:meta', { 'redis-queue:owner': markOf(['rateLimit'], undefined, REMOVAL), paused: 1 }),
  ],
  [
    'an heir takes the queue over in the midst of its removal',
    { globalConcurrency: 5 },
    false,
    () => redis.hset('bull:emails:meta', { 'redis-queue:owner': markOf([], 'c1/crm/mail', REMOVAL), paused: 1 }),
  ],
];

describe.each(scenarios)(
  'a crash between any two steps changes nothing in the end state: %s',
  (_, spec, deleted, given) => {
    it('cut off after each step, and after each of the next run', async () => {
      await given();
      const whole = new Reconciler(spec, deleted);
      const { length } = (await whole.plan()).steps;
      await whole.run();
      const expected = await endState(whole);
      expect((await whole.plan()).steps).toEqual([]);
      for (let first = 0; first <= length; first++) {
        for (let second = 0; second <= length - first; second++) {
          await redis.flushall();
          await given();
          const cut = new Reconciler(spec, deleted);
          await cut.run(first);
          await cut.run(second);
          await cut.run();
          expect(await endState(cut), `cut off after ${first} and ${second} steps`).toEqual(expected);
        }
      }
    });
  },
);

it('a claimant that lost the race for the mark writes nothing more', async () => {
  const late = await new Reconciler({ rateLimits: { maxJobsPerSecond: 10 } }, false).plan();
  await redis.hset('bull:emails:meta', { 'redis-queue:owner': markOf([], 'c1/crm/mail') });
  const applied = await applyPlan(queueObject(), ref, late, {
    write: (write) => write(redis),
    applyFinalizer: () => Promise.resolve(),
  });
  expect(applied).toMatchObject({ done: [], problem: { reason: 'OwnershipLost' } });
  expect(await redis.hkeys('bull:emails:meta')).toEqual(['redis-queue:owner']);
});
