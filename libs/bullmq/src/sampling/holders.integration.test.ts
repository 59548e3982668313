import { eventually } from '@redis-queue/rig';
import { Worker } from 'bullmq';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import { RedisConnections } from '../connections/connections.ts';
import { HOLDERS_PER_CALL, sampleHolders } from './holders.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());
beforeEach(() => t.redis.flushall());

const ref = (name: string, prefix = 'bull') => ({ prefix, name });

/** Active jobs as BullMQ leaves them, newest on the left. */
async function hold(name: string, holders: readonly (string | undefined)[], prefix = 'bull'): Promise<void> {
  const writes = t.redis.pipeline();
  holders.forEach((worker, n) => {
    writes.lpush(`${prefix}:${name}:active`, `j${n}`);
    writes.hset(`${prefix}:${name}:j${n}`, { name: 'job', ...(worker !== undefined && { pb: worker }) });
  });
  await writes.exec();
}

test('jobs that real workers run are counted by the name of the worker, over all queues', async () => {
  const running = new Set<string>();
  const { promise: end, resolve: finish } = Promise.withResolvers<void>();
  const work = (queue: string, name: string, concurrency: number) =>
    new Worker(
      queue,
      async (job) => {
        running.add(`${queue}/${job.id}`);
        await end;
      },
      { connection: { ...t.target, maxRetriesPerRequest: null }, name, concurrency },
    );
  const busy = [work('emails', 'pod-a', 3), work('reports', 'pod-b', 2)];
  for (const { queue, jobs } of [
    { queue: 'emails', jobs: 5 },
    { queue: 'reports', jobs: 1 },
  ]) {
    await t.producer(ref(queue)).addBulk(Array.from({ length: jobs }, () => ({ name: 'j', data: {} })));
  }
  await eventually(() => running.size === 4);
  const holders = await sampleHolders(t.redis, [ref('emails'), ref('reports')]);
  expect(holders).toMatchObject({
    jobsByWorker: new Map([
      ['pod-a', 3],
      ['pod-b', 1],
    ]),
    unnamed: 0,
    active: 4,
  });
  finish();
  await Promise.all(busy.map((worker) => worker.close()));
  expect(await sampleHolders(t.redis, [ref('emails')])).toEqual({
    jobsByWorker: new Map(),
    runMsByWorker: new Map(),
    unnamed: 0,
    active: 0,
  });
});

test('a worker whose name is empty has none', async () => {
  const { promise: end, resolve: finish } = Promise.withResolvers<void>();
  const connection = { ...t.target, maxRetriesPerRequest: null };
  const worker = new Worker('emails', async () => await end, { connection, name: '' });
  await t.producer(ref('emails')).add('j', {});
  const holders = await eventually(async () => {
    const read = await sampleHolders(t.redis, [ref('emails')]);
    return read?.active === 1 && read;
  });
  expect(holders).toEqual({ jobsByWorker: new Map(), runMsByWorker: new Map(), unnamed: 1, active: 1 });
  await hold('forged', ['', 'pod-a']);
  expect(await sampleHolders(t.redis, [ref('forged')])).toMatchObject({
    jobsByWorker: new Map([['pod-a', 1]]),
    unnamed: 1,
  });
  finish();
  await worker.close();
});

test('for how long jobs have run is summed by Redis’ clock; what is no time, or lies ahead, counts nothing', async () => {
  const nowMs = Date.now();
  await hold('lasting', ['pod-a', 'pod-a', 'pod-b', 'pod-b', 'pod-b', 'pod-c']);
  const started = [nowMs - 20_000, nowMs - 40_000, nowMs + 90_000, 'nan', '9'.repeat(40), 0];
  await Promise.all(started.map((at, n) => t.redis.hset(`bull:lasting:j${n}`, { processedOn: at })));
  const { runMsByWorker } = (await sampleHolders(t.redis, [ref('lasting')]))!;
  expect(runMsByWorker.get('pod-a')).toBeGreaterThanOrEqual(60_000);
  expect(runMsByWorker.get('pod-a')).toBeLessThan(120_000);
  expect(runMsByWorker.get('pod-b')).toBe(0);
  expect(runMsByWorker.get('pod-c')).toBe(7 * 24 * 3_600_000);
});

test('jobs whose worker gave no name, or whose hash is gone, are counted apart from held ones', async () => {
  await hold('mixed', ['pod-a', undefined, 'pod-a']);
  await t.redis.lpush('bull:mixed:active', 'gone');
  expect(await sampleHolders(t.redis, [ref('mixed')])).toEqual({
    jobsByWorker: new Map([['pod-a', 2]]),
    runMsByWorker: new Map([['pod-a', 0]]),
    unnamed: 2,
    active: 4,
  });
});

test('long lists are read page by page, each job once, across the ends of lists', async () => {
  const sizes = [HOLDERS_PER_CALL, 1, 0, 2 * HOLDERS_PER_CALL + 7, 30];
  const refs = sizes.map((_, n) => ref(`long-${n}`));
  for (const [n, size] of sizes.entries())
    await hold(
      `long-${n}`,
      Array.from({ length: size }, (__, job) => `pod-${(job + n) % 3}`),
    );
  await t.redis.config('RESETSTAT');
  const holders = (await sampleHolders(t.redis, refs))!;
  const expected = new Map<string, number>();
  for (const [n, size] of sizes.entries()) {
    for (let job = 0; job < size; job++) {
      const pod = `pod-${(job + n) % 3}`;
      expected.set(pod, (expected.get(pod) ?? 0) + 1);
    }
  }
  expect(holders.jobsByWorker).toEqual(expected);
  expect(holders.active).toBe(sizes.reduce((sum, size) => sum + size, 0));
  expect(await t.redis.info('commandstats')).toMatch(/cmdstat_evalsha_ro:calls=4,/);
});

test('with too many active jobs the answer is unknown, after one call that reads no job', async () => {
  await hold(
    'huge',
    Array.from({ length: 200 }, () => 'pod-a'),
  );
  await hold('more', ['pod-b', 'pod-b']);
  await sampleHolders(t.redis, [ref('more')]);
  await t.redis.config('RESETSTAT');
  expect(await sampleHolders(t.redis, [ref('huge'), ref('more')], { mostActive: 201 })).toBeUndefined();
  const stats = await t.redis.info('commandstats');
  expect(stats).toMatch(/cmdstat_evalsha_ro:calls=1,/);
  expect(stats).not.toMatch(/cmdstat_hget/);
  expect((await sampleHolders(t.redis, [ref('huge'), ref('more')], { mostActive: 202 }))?.active).toBe(202);
});

test('hash-tagged prefixes get calls of their own and count towards the same bound', async () => {
  await hold('a', ['pod-a', 'pod-b'], '{x}');
  await hold('b', ['pod-a'], '{y}');
  const refs = [ref('a', '{x}'), ref('b', '{y}')];
  expect((await sampleHolders(t.redis, refs))?.jobsByWorker).toEqual(
    new Map([
      ['pod-a', 2],
      ['pod-b', 1],
    ]),
  );
  expect(await sampleHolders(t.redis, refs, { mostActive: 2 })).toBeUndefined();
});

test('a page of 500 jobs holds Redis for less than 10 ms, by its own log', async () => {
  await hold(
    'page',
    Array.from({ length: HOLDERS_PER_CALL }, (_, n) => `email-workers-7d9f8b6c5d-${n}`),
  );
  await sampleHolders(t.redis, [ref('page')]);
  // Above what one HGET takes, since the log holds the commands within a script too.
  await t.redis.config('SET', 'slowlog-log-slower-than', '100');
  await t.redis.slowlog('RESET');
  for (let n = 0; n < 20; n++) await sampleHolders(t.redis, [ref('page')]);
  const entries = (await t.redis.slowlog('GET', 100)) as [number, number, number, string[]][];
  await t.redis.config('SET', 'slowlog-log-slower-than', '10000');
  const micros = entries.filter(([, , , [command]]) => command === 'evalsha_ro').map(([, , us]) => us);
  expect(micros).toHaveLength(20);
  // The median: the machine may stop Redis within a call for as long as it likes.
  expect(micros.toSorted((a, b) => a - b)[10]).toBeLessThan(10_000);
});

test('a user who may only read, with the ACL of the docs, may count', async () => {
  await hold('acl', ['pod-a']);
  await t.redis.call('ACL', 'SETUSER', 'counter', 'reset', 'on', '>pw', ...ACL_RULES.reader.split(' '));
  const connections = new RedisConnections({ clientName: 'counter' });
  const reader = connections.get({ ...t.target, username: 'counter', password: 'pw' });
  expect((await sampleHolders(reader, [ref('acl')]))?.jobsByWorker).toEqual(new Map([['pod-a', 1]]));
  connections.close();
});
