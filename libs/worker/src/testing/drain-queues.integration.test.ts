import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '@redis-queue/rig';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { handle, type Handler } from '../index.ts';
import { drainQueues } from './drain-queues.ts';

let server: RedisServer;
let connection: Redis;
beforeAll(async () => {
  server = await startRedis();
  connection = new Redis({ port: server.port, maxRetriesPerRequest: null });
});
beforeEach(async () => {
  await connection.flushall();
});
afterAll(async () => {
  connection.disconnect();
  await server.stop();
});

const flaky: Handler = (job) =>
  job.attemptsMade === 0 ? Promise.reject(new Error('first')) : Promise.resolve('second');

const redis = (): { port: number } => ({ port: server.port });
const queue = (name: string): Queue => new Queue(name, { connection });

describe('draining queues with real workers', () => {
  it('ends once every job has, retries and delayed ones included, and counts how runs ended', async () => {
    const sum = handle(z.object({ a: z.number(), b: z.number() }), ({ data }) => Promise.resolve(data.a + data.b));
    const sums = queue('sums');
    const added = await sums.add('sum', { a: 1, b: 2 });
    await sums.add('sum', { a: 1 });
    await sums.add('sum', { a: 3, b: 4 }, { delay: 150, priority: 2 });
    await queue('flaky').add('try', {}, { attempts: 2, backoff: 50 });
    const drained = await drainQueues({ handlers: { sums: sum, flaky }, redis: redis() });
    expect(drained).toEqual({ completed: 3, failed: 1, retried: 1, rate_limited: 0, handed_back: 0 });
    expect((await sums.getJob(added.id!))?.returnvalue).toBe(3);
    expect(await queue('flaky').getCompletedCount()).toBe(1);
  });

  it('ends at once when there is nothing to do', async () => {
    const handlers = { sums: () => Promise.resolve() };
    expect(await drainQueues({ handlers, redis: redis(), timeoutMs: 20_000 })).toMatchObject({ completed: 0 });
  });

  it('says what is left when it takes too long, and hands back what still runs', async () => {
    const stuck = queue('stuck');
    const { id } = await stuck.add('wait', {});
    const handlers = { stuck: () => new Promise(() => undefined) };
    const drained = drainQueues({ handlers, redis: redis(), timeoutMs: 5_000 });
    await expect(drained).rejects.toThrow('not drained after 5000 ms: stuck has 1 active');
    expect(await (await stuck.getJob(id!))!.getState()).toBe('waiting');
  });
});
