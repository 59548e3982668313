import { FlowProducer } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { QueueRef } from '../redis/keys.ts';
import { formatOwnerMark, OWNER_FIELD, type ManagedField } from '../ownership/owner-mark.ts';
import { HOUR } from '../testing/test-retention.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { parseQueueRecord, STATES } from './records.ts';
import { snapshotQueue, type SnapshotOptions } from './snapshot-queue.ts';
import { idsOf, takeSnapshot } from './snapshot.fixture.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const managed = (...fields: ManagedField[]): string =>
  formatOwnerMark({ owner: 'c1/shop/managed', managed: fields, adoptedAt: '2026-01-02T03:04:05.000Z' });

it('has no limit that a Queue object manages, and those that none does', async () => {
  const ref = { prefix: 'bull', name: 'managed' };
  const meta = { max: '5', duration: '1000', concurrency: '7', paused: '1', 'opts.maxLenEvents': '100' };
  const metaOf = async (mark: string) => {
    await t.redis.hset('bull:managed:meta', { ...meta, [OWNER_FIELD]: mark });
    const { queue } = await takeSnapshot(t.redis, ref);
    return queue.meta;
  };
  expect(await metaOf(managed('rateLimit', 'globalConcurrency', 'paused', 'maxEvents'))).toEqual({ paused: '1' });
  expect(await metaOf(managed('globalConcurrency'))).toEqual({ ...meta, concurrency: undefined });
  expect(await metaOf('of somebody else')).toEqual(meta);
});

const ways: [string, Partial<SnapshotOptions>][] = [
  ['at one instant', {}],
  ['page by page', { maxEntriesInOneStep: 0, pageSize: 3 }],
];

/** A queue with jobs in every state, a flow, job schedulers and deduplications. */
async function everything(ref: QueueRef): Promise<void> {
  const queue = t.producer(ref);
  const flows = new FlowProducer({ connection: t.redis, prefix: ref.prefix });
  await flows.add({
    name: 'parent',
    queueName: ref.name,
    opts: { jobId: 'parent' },
    children: [
      { name: 'good', queueName: ref.name, opts: { jobId: 'good' } },
      { name: 'bad', queueName: ref.name, opts: { jobId: 'bad' } },
      { name: 'bad', queueName: ref.name, opts: { jobId: 'ignored', ignoreDependencyOnFailure: true } },
      { name: 'later', queueName: ref.name, opts: { jobId: 'later', delay: HOUR } },
    ],
  });
  for (const [name, count] of Object.entries({ good: 5, bad: 3 }))
    await queue.addBulk(Array.from({ length: count }, (_, n) => ({ name, data: { n } })));
  await queue.add('log', {}, { jobId: 'logged' });
  let ended = 0;
  const worker = t.worker(ref, async (job) => {
    if (job.name === 'bad') throw new Error('it is bad');
    if (job.name === 'log') for (const line of ['one', 'two\n']) await job.log(line);
    return { of: job.name };
  });
  worker.on('completed', () => ended++);
  worker.on('failed', () => ended++);
  await expect.poll(() => ended, { timeout: 20_000 }).toBe(12);
  await worker.close();
  const held = t.worker(ref, () => new Promise(() => {}), { concurrency: 2 });
  await queue.addBulk(
    [1, 2].map((n) => ({
      name: 'active',
      data: { n },
      opts: { deduplication: { id: `a${n}`, keepLastIfActive: true } },
    })),
  );
  await expect.poll(() => queue.getActiveCount()).toBe(2);
  await held.close(true);
  await queue.add('next', { the: 'last' }, { deduplication: { id: 'a1', keepLastIfActive: true } });
  await queue.addBulk(Array.from({ length: 7 }, (_, n) => ({ name: 'waiting', data: { n } })));
  await queue.add('first', {}, { lifo: true });
  await queue.addBulk([7, 1, 7].map((priority) => ({ name: 'prioritized', data: {}, opts: { priority } })));
  await queue.addBulk([3, 1, 2].map((n) => ({ name: 'delayed', data: {}, opts: { delay: n * HOUR } })));
  await queue.add('kept', {}, { deduplication: { id: 'kept', ttl: HOUR } });
  await queue.upsertJobScheduler('hourly', { every: HOUR }, { name: 'tick', data: { from: 'scheduler' } });
  await queue.upsertJobScheduler('daily', { pattern: '0 3 * * *', tz: 'Europe/Berlin' });
  await queue.setGlobalConcurrency(5);
  await t.redis.hset(`${ref.prefix}:${ref.name}:meta`, OWNER_FIELD, 'mark', 'redis-queue:claims', 'x');
}

describe.each(ways)('%s', (_, options) => {
  it('holds all jobs with all that belongs to them, in the order in which they are served', async () => {
    const ref = { prefix: 'bull', name: `all-${Object.keys(options).length}` };
    await everything(ref);
    const key = (suffix: string): string => `${ref.prefix}:${ref.name}:${suffix}`;
    const held = await takeSnapshot(t.redis, ref, options);
    expect(held.queue).toMatchObject({ ...ref, lastId: await t.redis.get(key('id')), priorityCounter: '3' });
    expect(held.queue.consistent).toBe(Object.keys(options).length === 0);
    expect(Math.abs(held.queue.snapshotAt - Date.now())).toBeLessThan(60_000);
    expect(held.queue.meta).toMatchObject({ concurrency: '5', 'opts.maxLenEvents': '10000' });
    expect(Object.keys(held.queue.meta).filter((field) => field.startsWith('redis-queue:'))).toEqual([]);

    // Every job, and no other key than what a backup leaves out.
    const ids = new Set(held.jobs.keys());
    const keys = await t.redis.keys(key('*'));
    const own =
      /:(meta|id|pc|wait|active|delayed|prioritized|waiting-children|completed|failed|repeat|repeat:\w+|events|marker|stalled|stalled-check|d[en]:\w+|[^:]+:(lock|logs|dependencies|processed|failed|unsuccessful))$/;
    const jobKeys = keys.filter((each) => !own.test(each)).map((each) => each.slice(key('').length));
    expect(jobKeys.toSorted()).toEqual([...ids].toSorted());
    for (const [id, { hash }] of held.jobs) expect({ ...hash }).toEqual(await t.redis.hgetall(key(id)));
    expect(held.jobs.get('logged')).toMatchObject({ logs: ['one', 'two\n'] });
    const parent = held.jobs.get('parent')!;
    expect(parent.dependencies?.toSorted()).toEqual((await t.redis.smembers(key('parent:dependencies'))).toSorted());
    expect({ ...parent.processed }).toEqual(await t.redis.hgetall(key('parent:processed')));
    expect({ ...parent.failed }).toEqual(await t.redis.hgetall(key('parent:failed')));
    expect(parent.unsuccessful?.map(([child]) => child) ?? []).toEqual(
      await t.redis.zrange(key('parent:unsuccessful'), 0, '-1'),
    );
    expect(
      [parent.dependencies, Object.keys(parent.processed ?? {}), Object.keys(parent.failed ?? {})].flat(),
    ).toHaveLength(4 - (parent.unsuccessful?.length ?? 0));

    for (const [state, list] of [
      ['waiting', 'wait'],
      ['active', 'active'],
    ] as const)
      expect(idsOf(held, state)).toEqual((await t.redis.lrange(key(list), 0, -1)).toReversed());
    for (const state of ['delayed', 'prioritized', 'waiting-children', 'completed', 'failed'] as const) {
      const scores = await t.redis.zrange(key(state), 0, '-1', 'WITHSCORES');
      const entries = idsOf(held, state).map((id) => held.states.get(id)!.entry);
      expect(new Map(entries.map(([id, score]) => [id, String(score)]))).toEqual(
        new Map(Array.from({ length: scores.length / 2 }, (__, n) => [scores[2 * n]!, scores[2 * n + 1]!])),
      );
      expect(entries.every(([, score]) => typeof score === 'number')).toBe(true);
    }
    const counts = Object.fromEntries(STATES.map((state) => [state, idsOf(held, state).length]));
    expect(held.end).toEqual({ kind: 'end', jobs: ids.size, counts, gone: 0 });
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);

    expect([...held.schedulers.keys()].toSorted()).toEqual(['daily', 'hourly']);
    for (const [id, { hash, nextMs }] of held.schedulers) {
      expect({ ...hash }).toEqual(await t.redis.hgetall(key(`repeat:${id}`)));
      expect(String(nextMs)).toBe(await t.redis.zscore(key('repeat'), id));
    }
    const [one] = idsOf(held, 'active').filter((id) => held.jobs.get(id)!.hash['deid'] === 'a1');
    expect(held.deduplications.get('a1')).toMatchObject({ jobId: one, next: { name: 'next', data: '{"the":"last"}' } });
    expect(held.deduplications.get('a1')).not.toHaveProperty('ttlMs');
    expect(held.deduplications.get('kept')!.ttlMs).toBeGreaterThan(HOUR - 60_000);
    expect([...held.deduplications.keys()].toSorted()).toEqual(['a1', 'a2', 'kept']);
    for (const record of [
      held.queue,
      ...held.jobs.values(),
      ...held.schedulers.values(),
      ...held.deduplications.values(),
    ])
      expect(parseQueueRecord(JSON.parse(JSON.stringify(record)))).toEqual(JSON.parse(JSON.stringify(record)));
  });

  it('has what BullMQ 5 keeps apart while a queue is paused among what waits, and nothing of a queue without keys', async () => {
    const ref = { prefix: 'bull', name: `five-${Object.keys(options).length}` };
    await t.redis.rpush(`bull:${ref.name}:paused`, 'c', 'b', '0:0');
    await t.redis.rpush(`bull:${ref.name}:wait`, 'a', 'gone');
    for (const id of ['a', 'b', 'c']) await t.redis.hset(`bull:${ref.name}:${id}`, 'name', id);
    const held = await takeSnapshot(t.redis, ref, options);
    expect(idsOf(held, 'waiting')).toEqual(['a', 'b', 'c']);
    expect(held.end).toMatchObject({ jobs: 3, gone: 1 });
    const none = await takeSnapshot(t.redis, { prefix: 'bull', name: 'none' }, options);
    expect(none.end).toMatchObject({ jobs: 0, gone: 0 });
    expect(none.queue).not.toHaveProperty('lastId');
  });
});

test('reads no more jobs per second than it may, and says how far it is', async () => {
  const ref = { prefix: 'bull', name: 'slow' };
  await t.producer(ref).addBulk(Array.from({ length: 100 }, () => ({ name: 'j', data: {} })));
  let nowMs = 0;
  const progress: number[][] = [];
  await takeSnapshot(t.redis, ref, {
    jobsPerSecond: 50,
    now: () => nowMs,
    sleep: async (ms) => void (nowMs += ms),
    onProgress: (...figures) => progress.push(figures),
  });
  expect(nowMs).toBeGreaterThanOrEqual(2_000);
  expect(nowMs).toBeLessThan(2_200);
  expect(progress.at(-1)).toEqual([100, 100]);
  expect(progress.length).toBeGreaterThanOrEqual(20);
});

test('waits for a Redis that does not answer no longer than its signal allows', async () => {
  const ref = { prefix: 'bull', name: 'hangs' };
  await t.producer(ref).addBulk(Array.from({ length: 500 }, () => ({ name: 'j', data: {} })));
  const controller = new AbortController();
  const reading = (async () => {
    for await (const records of snapshotQueue(t.redis, ref, { signal: controller.signal })) {
      if (records[0]?.kind !== 'job') continue;
      process.kill(t.server.pid, 'SIGSTOP');
      setImmediate(() => controller.abort(new Error('too late')));
    }
  })();
  try {
    await expect(reading).rejects.toThrow('too late');
  } finally {
    process.kill(t.server.pid, 'SIGCONT');
  }
});

test('goes on when Redis has not answered for a moment', async () => {
  const ref = { prefix: 'bull', name: 'absent' };
  await t.producer(ref).addBulk(Array.from({ length: 500 }, () => ({ name: 'j', data: {} })));
  const impatient = new Redis({ ...t.target, commandTimeout: 300 });
  let absences = 0;
  const held = await takeSnapshot(impatient, ref, {
    maxEntriesInOneStep: 0,
    onProgress: () => void (absences++ === 0 && process.kill(t.server.pid, 'SIGSTOP')),
    sleep: () => Promise.resolve(void process.kill(t.server.pid, 'SIGCONT')),
  });
  impatient.disconnect();
  expect(held.end).toMatchObject({ jobs: 500, gone: 0 });
  expect(absences).toBeGreaterThan(1);
});
