import { FlowProducer as FlowProducerOf5, Queue as QueueOf5, Worker as WorkerOf5, type QueueOptions } from 'bullmq-5';
import { FlowProducer, Queue, Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callOn, letterIds, OPEN_FENCE, putFailed, settle } from '../dead-letters/dead-letters.fixture.ts';
import { compileFilter, type CompiledFilter } from '../dead-letters/filter.ts';
import { redriveStep } from '../dead-letters/dead-letter-redrive.ts';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { obliterateRound } from '../ownership/obliterate.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { readQueuePolicy, setPaused } from './policy.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
const clients: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  t = await testRedis();
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await t[Symbol.asyncDispose]();
});

/** As BullMQ 5 says nothing of its version: some releases never do, this one does not with `skipMetasUpdate`. */
const SILENT: Partial<QueueOptions> = { skipMetasUpdate: true };

async function queueOf5(name: string, options: Partial<QueueOptions> = {}) {
  const ref: QueueRef = { prefix: 'bull', name };
  const queue = new QueueOf5(name, { connection: t.target, ...options });
  clients.push(queue);
  await queue.waitUntilReady();
  return { ref, queue };
}
const lineOf = (ref: QueueRef, list: 'wait' | 'paused') => t.redis.lrange(queueKey(ref, list), 0, -1);
const paused = { paused: true, expected: undefined };
const resumed = { paused: false, expected: undefined };
const ids = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => String(from - i));

/** Ids in the order in which a worker of BullMQ 5 starts them. */
async function run5(ref: QueueRef, jobs: number): Promise<string[]> {
  const ran: string[] = [];
  const connection = { ...t.target, maxRetriesPerRequest: null };
  const worker = new WorkerOf5(ref.name, async ({ id = '' }) => void ran.push(id), { connection });
  await expect.poll(() => ran.length, { timeout: 10_000 }).toBe(jobs);
  await worker.close();
  return ran;
}

describe('a queue that we pause', () => {
  test.each([
    ['resumes it', 'resume'],
    ['pauses it once more, and we resume it', 'pause'],
  ] as const)('keeps every job and their order when BullMQ 5 %s', async (_, method) => {
    const { ref, queue } = await queueOf5(`five-${method}`);
    for (let i = 0; i < 5; i++) await queue.add('j', {});
    expect(await setPaused(t.redis, ref, paused)).toMatchObject({ outcome: 'done' });
    await queue.add('j', {});
    expect(await lineOf(ref, 'wait')).toEqual([]);
    expect(await lineOf(ref, 'paused')).toEqual(ids(6, 1));
    await queue[method]();
    expect(await setPaused(t.redis, ref, resumed)).toMatchObject({ outcome: 'done' });
    expect(await run5(ref, 6)).toEqual(ids(6, 1).toReversed());
  });

  test('has one line when a client of BullMQ 5 adds to it beside those of BullMQ 6, and no job is lost by its resume', async () => {
    const { ref, queue } = await queueOf5('both');
    await queue.add('j', {});
    const six = t.producer(ref);
    await six.add('j', {});
    await expect.poll(() => t.redis.hget('bull:both:meta', 'version')).toMatch(/^bullmq:6/);
    expect(await setPaused(t.redis, ref, paused)).toMatchObject({ outcome: 'done' });
    await queue.add('j', {});
    await six.add('j', {});
    expect(await readQueuePolicy(t.redis, ref)).toMatchObject({ exposedWaiting: 3 });
    await setPaused(t.redis, ref, paused);
    expect(await lineOf(ref, 'wait')).toEqual([]);
    await queue.resume();
    expect((await run5(ref, 4)).toSorted()).toEqual(['1', '2', '3', '4']);
  });

  test.each([
    ['a version of BullMQ 5 in its meta', true],
    ['no version in its meta', false],
  ])(
    'and that has %s starts what BullMQ 6 adds to it in the order in which it was added, whatever rounds moved',
    async (_, of5) => {
      const name = of5 ? 'order-of-5' : 'order-of-none';
      const ref: QueueRef = { prefix: 'bull', name };
      const flow = new FlowProducer({ connection: t.target });
      clients.push(flow);
      const add = (jobId: string) => flow.add({ name: 'j', queueName: name, opts: { jobId } });
      if (of5) await (await queueOf5(name)).queue.add('j', {}, { jobId: 'a0' });
      else await add('a0');
      const expected = ['a0'];
      expect(await setPaused(t.redis, ref, paused)).toMatchObject({ outcome: 'done' });
      for (const batch of ['b', 'c', 'd']) {
        for (const n of [1, 2, 3]) {
          await add(`${batch}${n}`);
          expected.push(`${batch}${n}`);
        }
        expect(await readQueuePolicy(t.redis, ref)).toMatchObject({ exposedWaiting: 3 });
        await setPaused(t.redis, ref, paused);
      }
      await setPaused(t.redis, ref, resumed);
      expect(await run5(ref, 10)).toEqual(expected);
    },
  );

  test('has jobs of BullMQ 6 that waited before a client of BullMQ 5 adds to it started before those', async () => {
    const { ref, queue } = await queueOf5('older');
    await queue.add('j', {}, { jobId: 'a', timestamp: 1_000 });
    await queue.add('j', {}, { jobId: 'b', timestamp: 2_000 });
    await t.redis.hset('bull:older:meta', 'paused', 1);
    await queue.add('j', {}, { jobId: 'c', timestamp: 3_000 });
    await setPaused(t.redis, ref, paused);
    await setPaused(t.redis, ref, resumed);
    expect(await run5(ref, 3)).toEqual(['a', 'b', 'c']);
  });

  test('is left as BullMQ 6 has it when it says that it is used, and moved back by its resume where nothing says so', async () => {
    const six = { prefix: 'bull', name: 'six' };
    await t.producer(six).add('j', {});
    await expect.poll(() => t.redis.hget('bull:six:meta', 'version')).toMatch(/^bullmq:6/);
    expect(await setPaused(t.redis, six, paused)).toMatchObject({ outcome: 'done' });
    expect(await lineOf(six, 'wait')).toEqual(['1']);
    expect(await readQueuePolicy(t.redis, six)).not.toHaveProperty('exposedWaiting');

    const silent = { prefix: 'bull', name: 'silent-six' };
    const queue = new Queue(silent.name, { connection: t.redis, skipMetasUpdate: true });
    for (let i = 0; i < 3; i++) await queue.add('j', {});
    expect(await setPaused(t.redis, silent, paused)).toMatchObject({ outcome: 'done' });
    expect(await lineOf(silent, 'paused')).toEqual(ids(3, 1));
    await queue.resume();
    const ran: (string | undefined)[] = [];
    const connection = { ...t.target, maxRetriesPerRequest: null };
    const worker = new Worker(silent.name, async ({ id }) => void ran.push(id), { connection });
    await expect.poll(() => ran, { timeout: 10_000 }).toEqual(['1', '2', '3']);
    await worker.close();
    await queue.close();
  });

  test('and that has jobs in both lists is put right in bounded calls, whose digest is what is read; then nothing is left to do', async () => {
    const { ref, queue } = await queueOf5('rounds');
    await t.redis.hset('bull:rounds:meta', 'paused', 1);
    await t.redis.rpush('bull:rounds:wait', ...ids(6_000, 1));
    await t.redis.rpush('bull:rounds:paused', 'old-2', 'old-1');
    const read = await readQueuePolicy(t.redis, ref);
    expect(read).toMatchObject({ paused: true, exposedWaiting: 6_000, legacyPaused: 2 });
    const first = await setPaused(t.redis, ref, { ...paused, digest: read.digest });
    expect(first.outcome).toBe('again');
    const last = await setPaused(t.redis, ref, { ...paused, digest: first.digest });
    expect(last.outcome).toBe('done');
    expect(last.digest).not.toBe(read.digest);
    expect(await lineOf(ref, 'paused')).toEqual([...ids(6_000, 1), 'old-2', 'old-1']);
    const after = await readQueuePolicy(t.redis, ref);
    expect(after).not.toHaveProperty('exposedWaiting');
    expect(after.digest).toBe(last.digest);
    // It was paused before: nobody is told again.
    expect(await t.redis.xlen('bull:rounds:events')).toBe(0);
    await queue.resume();
    expect(await t.redis.llen('bull:rounds:wait')).toBe(6_002);
  });

  test('with a key of another type where its jobs are to wait is paused, and can still be read', async () => {
    const ref = { prefix: 'bull', name: 'wrong-type' };
    await t.redis.set('bull:wrong-type:wait', 'x');
    await expect(setPaused(t.redis, ref, paused)).rejects.toThrow('WRONGTYPE');
    expect(await readQueuePolicy(t.redis, ref)).toMatchObject({ paused: true, legacyPaused: 0 });
    expect(await t.redis.get('bull:wrong-type:wait')).toBe('x');
  });
});

describe('a queue that BullMQ 5 has paused without a word of its version', () => {
  test('loses neither jobs that are retried nor dead letters that are redriven', async () => {
    const { ref, queue } = await queueOf5('quiet', SILENT);
    await putFailed(t.redis, ref, 'letter', 1_000, { atm: 9 });
    await settle(t.redis, ref);
    expect(await letterIds(t.redis, ref)).toHaveLength(1);
    await putFailed(t.redis, ref, 'retry', 1_000);
    await queue.pause();
    expect(await settle(t.redis, ref, { maxRetries: 3 })).toMatchObject({ retried: 1 });
    const redrive = { name: 'uid', filter: compileFilter({}) as CompiledFilter, fence: OPEN_FENCE };
    expect(await redriveStep(callOn(t.redis), ref, redrive)).toMatchObject({ redriven: 1 });
    await queue.add('j', {}, { jobId: 'new' });
    await queue.resume();
    expect((await run5(ref, 3)).toSorted()).toEqual(['letter', 'new', 'retry']);
  });

  test('keeps a flow parent whose last child is removed with its queue', async () => {
    const { ref, queue } = await queueOf5('parents-of-5', SILENT);
    const flow = new FlowProducerOf5({ connection: t.target });
    clients.push(flow);
    const child = { name: 'c', queueName: 'children-of-5' };
    await flow.add({ name: 'p', queueName: ref.name, children: [child], opts: { jobId: 'p' } });
    await queue.pause();
    await queue.add('j', {}, { jobId: 'other' });
    await t.redis.hset('bull:children-of-5:meta', OWNER_FIELD, 'A');
    const removal = { mark: 'A', stopAt: 'nothing' as const, untilMs: Number.MAX_SAFE_INTEGER };
    expect(await obliterateRound(t.redis, { prefix: 'bull', name: 'children-of-5' }, removal)).toMatchObject({
      outcome: 'done',
    });
    await queue.resume();
    expect(await run5(ref, 2)).toEqual(['p', 'other']);
  });
});
