import type { QueueSpec } from '@redis-queue/api';
import { findCondition, NAMESPACES } from '@redis-queue/controller';
import { eventually, startSilentServer } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runController, testCluster, type StoredQueue, type TestCluster } from '../testing/cluster.ts';
import { jobsOf, type JobClients } from '../testing/jobs.ts';

const HOUR = 3_600_000;

let t: TestCluster;
let jobs: JobClients;
let controller: RunningController;
beforeAll(async () => {
  t = await testCluster();
  jobs = jobsOf(t.server);
  controller = await runController(t);
});
afterAll(async () => {
  await jobs?.[Symbol.asyncDispose]();
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

async function governed(name: string, spec: QueueSpec): Promise<StoredQueue> {
  const queue = await t.queue(await t.namespace(), name, spec);
  await t.settled(queue, 'Applied');
  return queue;
}

/** Finished jobs as BullMQ leaves them, of which each finished so long ago. */
async function finished(
  name: string,
  state: 'completed' | 'failed',
  agesMs: readonly number[],
  data = '{}',
): Promise<void> {
  const pipeline = t.redis.pipeline();
  agesMs.forEach((ageMs, index) => {
    const finishedOn = Date.now() - ageMs;
    const id = `${state}${index}`;
    pipeline.hset(`bull:${name}:${id}`, { name: 'j', data, opts: '{}', timestamp: 1, finishedOn, atm: 1 });
    pipeline.zadd(`bull:${name}:${state}`, finishedOn, id);
  });
  await pipeline.exec();
}

const of = (name: string, state: string): Promise<string[]> => t.redis.zrange(`bull:${name}:${state}`, 0, '-1');
const message = async (queue: StoredQueue, type: string): Promise<string | undefined> =>
  findCondition((await t.read(queue)).status?.conditions, type)?.message;

describe.concurrent('retention', () => {
  it('removes finished jobs that are older than their time, reports it, and ends with the field', async () => {
    await finished('aged', 'completed', [3 * HOUR, HOUR / 2]);
    await finished('aged', 'failed', [30 * HOUR, HOUR / 2]);
    const queue = await governed('aged', { retention: { completedJobs: '1h', failedJobs: '1d' } });
    await eventually(async () => (await of('aged', 'completed')).join() === 'completed1');
    await eventually(async () => (await of('aged', 'failed')).join() === 'failed1');
    expect(await t.redis.exists('bull:aged:completed0', 'bull:aged:failed0')).toBe(0);
    await eventually(async () => (await t.eventsOf(queue)).some(({ reason }) => reason === 'FinishedJobsRemoved'));
    await t.patch(queue, { spec: { retention: null } });
    await t.settled(queue, 'Applied');
    await finished('aged', 'completed', [5 * HOUR]);
    // Another queue has its turns meanwhile.
    await finished('witness', 'completed', [5 * HOUR]);
    await governed('witness', { retention: { completedJobs: '1h' } });
    await eventually(async () => (await of('witness', 'completed')).length === 0);
    expect(await of('aged', 'completed')).toEqual(['completed0', 'completed1']);
  });

  it('leaves failed jobs to the dead letters, which have them after it', async () => {
    await finished('letters', 'failed', [30 * HOUR]);
    await governed('letters', { retention: { failedJobs: '1h' }, dlqPolicy: { enabled: true } });
    const [letter] = await eventually(async () => {
      const found = await of('letters-dlq', 'failed');
      return found.length === 1 && found;
    });
    expect(letter).toMatch(/^letters\.failed0\./);
  });

  it('removes the oldest jobs of a queue that is over maxBytes, and says when nothing is left that may go', async () => {
    await finished(
      'large',
      'completed',
      Array.from({ length: 40 }, (_, n) => HOUR - n),
      JSON.stringify('x'.repeat(50_000)),
    );
    const queue = await governed('large', { retention: { maxBytes: '1M' } });
    await eventually(async () => (await of('large', 'completed')).length <= 24);
    expect((await of('large', 'completed')).length).toBeGreaterThan(12);
    // The newest stay.
    expect((await of('large', 'completed')).at(-1)).toBe('completed39');
    await Promise.all([1, 2].map((n) => jobs.producer('large').add('j', { n, x: 'x'.repeat(900_000) })));
    await eventually(async () => (await message(queue, 'RetentionBehind'))?.includes('more than retention.maxBytes'));
    expect(await of('large', 'completed')).toEqual([]);
    expect(findCondition((await t.read(queue)).status?.conditions, 'Degraded')).toMatchObject({
      reason: 'OverMaxBytes',
    });
    await jobs.producer('large').drain();
    await eventually(async () => (await message(queue, 'RetentionBehind')) === undefined);
  });

  it('shortens the stream of events, sets back what a producer set, and clears it with the field', async () => {
    const queue = await governed('events', { retention: { maxEvents: 100 } });
    const pipeline = t.redis.pipeline();
    for (let n = 0; n < 1_000; n++) pipeline.xadd('bull:events:events', '*', 'event', 'added', 'jobId', n);
    await pipeline.exec();
    await t.redis.hset('bull:events:meta', 'opts.maxLenEvents', '10000');
    await eventually(async () => (await t.redis.xlen('bull:events:events')) <= 200);
    // a round may have shortened the stream right before the producer came
    await eventually(async () => (await t.meta('events'))['opts.maxLenEvents'] === '100');
    await t.patch(queue, { spec: { retention: null } });
    await t.settled(queue, 'Applied');
    expect(Object.keys(await t.meta('events'))).toEqual(['redis-queue:owner']);
  });
});

describe.concurrent('priorities', () => {
  it('Report counts jobs outside the declared ones, and moves none', async () => {
    const producer = jobs.producer('report');
    await producer.addBulk([1, 3, 3].map((priority) => ({ name: 'j', data: {}, opts: { priority } })));
    await producer.add('none', {});
    const queue = await governed('report', { priorities: [1, 5] });
    const found = await t.settled(queue, 'JobsWithoutPriority', 'PrioritiesViolated');
    expect(findCondition(found.status?.conditions, 'PrioritiesViolated')?.message).toMatch(
      /^1 job in line without a priority.* and 2 jobs in line with a priority that spec.priorities does not declare/,
    );
    expect(await producer.getJobCounts('waiting', 'prioritized')).toEqual({ waiting: 1, prioritized: 3 });
    await t.patch(queue, { spec: { priorities: null } });
    await eventually(async () => (await message(queue, 'PrioritiesViolated')) === undefined);
  });

  it('Clamp gives them the nearest declared one, and jobs without one the most urgent', async () => {
    const producer = jobs.producer('clamp');
    await producer.addBulk([2, 4, 9].map((priority) => ({ name: `p${priority}`, data: {}, opts: { priority } })));
    await producer.add('none', {});
    const queue = await governed('clamp', { priorities: [1, 5], priorityPolicy: 'Clamp' });
    await eventually(async () => (await t.redis.llen('bull:clamp:wait')) === 0);
    await eventually(async () => {
      const found = await producer.getJobs(['prioritized']);
      const priorities = Object.fromEntries(found.map(({ name, priority }) => [name, priority]));
      expect(priorities).toEqual({ none: 1, p2: 1, p4: 5, p9: 5 });
      return true;
    });
    await eventually(async () => (await t.eventsOf(queue)).some(({ reason }) => reason === 'PrioritiesClamped'));
    expect(await message(queue, 'PrioritiesViolated')).toBeUndefined();
  });
});

// Walls 2 and 3.
it('a neighbour whose Redis hangs keeps no dead letter from moving, and who lost the lead writes no more', async () => {
  await using silent = await startSilentServer();
  const neighbour = 'hanging';
  await t.client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: neighbour } });
  await t.secret(neighbour, { 'redis-host': '127.0.0.1', 'redis-port': String(silent.port) });
  const all: QueueSpec = { dlqPolicy: { enabled: true }, retention: { completedJobs: '1h' }, priorities: [1] };
  const hanging = await Promise.all([1, 2, 3].map((n) => t.queue(neighbour, `hanging-${n}`, all)));
  await t.settled(hanging[0]!, 'RedisUnreachable');
  await governed('prompt', all);
  const fail = (id: string): Promise<unknown> =>
    t.redis
      .pipeline()
      .hset(`bull:prompt:${id}`, { name: 'j', data: '{}', opts: '{}', timestamp: 1, finishedOn: 1_000, atm: 1 })
      .zadd('bull:prompt:failed', 1_000, id)
      .exec();
  const turnsOfHanging = (): Promise<number> => controller.sumOf(/^redis_queue_upkeep_failures_total\{.*Unreachable/);
  for (const id of ['a', 'b', 'c']) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await fail(id);
    // oxlint-disable-next-line no-await-in-loop
    await eventually(async () => (await t.redis.exists(`bull:prompt:${id}`)) === 0);
  }
  expect(await turnsOfHanging()).toBeGreaterThan(0);
  const lost = vi.spyOn(controller.manager, 'assertLeading').mockImplementation(() => {
    throw new Error('another leads');
  });
  const failures = (): Promise<number> => controller.sumOf(/^redis_queue_upkeep_failures_total\{duty="deadLetters"/);
  const before = await failures();
  await fail('late');
  await eventually(async () => (await failures()) >= before + 5);
  expect(await of('prompt', 'failed')).toEqual(['late']);
  lost.mockRestore();
  await eventually(async () => (await of('prompt', 'failed')).length === 0);
});
