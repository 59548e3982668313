import { startRedisCluster, type RedisCluster } from '@redis-queue/rig';
import { Queue, Worker } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { ACL_RULES } from './acl.ts';
import { RedisConnections } from './connections.ts';
import { compileFilter, type CompiledFilter } from '../dead-letters/filter.ts';
import { countLostLetters } from '../dead-letters/dead-letters-lost.ts';
import { planRedrive, redriveStep } from '../dead-letters/dead-letter-redrive.ts';
import { removeExpiredLetters } from '../dead-letters/dead-letter-expiry.ts';
import { callOn, letterIds, OPEN_FENCE, putFailed, settle } from '../dead-letters/dead-letters.fixture.ts';
import { classifyRedisError } from './errors.ts';
import { sampleFinished } from '../sampling/finished.ts';
import { sampleHolders } from '../sampling/holders.ts';
import { readLastRun } from '../sampling/last-run.ts';
import { readSchedulers, removeScheduler, upsertScheduler } from '../job-schedulers/job-schedulers.ts';
import { obliterateRound } from '../ownership/obliterate.ts';
import { tryToClaim, writeMeta } from '../ownership/owner-mark.ts';
import { rateLimitFields, readQueuePolicy, setPaused } from '../policy/policy.ts';
import { clampPriorities, tryCountPriorities } from '../priorities/priorities.ts';
import { clampTo } from '../priorities/declared.ts';
import { readInTime } from './read-in-time.ts';
import { tryReadMarks } from '../ownership/marks.ts';
import { cleanFinished, sampleSizes, trimEvents, tryReadFinished } from '../retention/retention.ts';
import { sampleBacklogs, sampleQueues } from '../sampling/sample.ts';
import { JobDigests } from '../snapshot/job-digests.ts';
import { takeSnapshot } from '../snapshot/snapshot.fixture.ts';
import { readServerInfo } from './server.ts';
import type { RedisAddress } from './target.ts';

// The rules of docs/redis-users.md on a Redis Cluster, where clients ask for the slots first.

const REF = { prefix: 'bull', name: '{acl}' };
/** Of every node: an ACL is a server's own. */
const admins: Redis[] = [];
const connections = new RedisConnections({ clientName: 'acl' });
let cluster: RedisCluster;
let address: Pick<RedisAddress, 'host' | 'port'>;

beforeAll(async () => {
  cluster = await startRedisCluster();
  const [{ host, port }] = cluster.nodes as [RedisCluster['nodes'][number]];
  address = { host, port };
  admins.push(...cluster.nodes.map((node) => new Redis(node.port, node.host)));
  for (const [name, rules] of Object.entries(ACL_RULES)) await user(name, rules);
});
afterAll(async () => {
  connections.close();
  for (const admin of admins) admin.disconnect();
  await cluster[Symbol.asyncDispose]();
});

async function user(name: string, rules: string): Promise<void> {
  await Promise.all(
    admins.map((admin) => admin.call('ACL', 'SETUSER', name, 'reset', 'on', '>pw', ...rules.split(' '))),
  );
}
const targetOf = (username: string): RedisAddress => ({ ...address, username, password: 'pw', cluster: true });

/** What every node refused to these users. */
async function refusals(): Promise<string[]> {
  const logs = await Promise.all(admins.map((admin) => admin.call('ACL', 'LOG') as Promise<string[][]>));
  return logs.flat().map((entry) => `${entry[9]}: ${entry[7]}`);
}

test('producer, worker, sampler and controller do their work, and no node refuses anything', async () => {
  await Promise.all(admins.map((admin) => admin.call('ACL', 'LOG', 'RESET')));
  const producer = new Queue(REF.name, { prefix: REF.prefix, connection: connections.get(targetOf('producer')) });
  await producer.addBulk([
    { name: 'j', data: {} },
    { name: 'j', data: {}, opts: { delay: 60_000 } },
  ]);
  await producer.upsertJobScheduler('daily', { every: 86_400_000, immediately: false });

  const reader = connections.get(targetOf('reader'));
  expect(await readServerInfo(reader)).toMatchObject({ product: expect.stringMatching(/redis|valkey/) });
  expect(await sampleQueues(reader, [REF])).toMatchObject([{ waiting: 2 }]);
  expect(await sampleBacklogs(reader, [REF])).toMatchObject([{ waiting: 2 }]);
  expect(await sampleHolders(reader, [REF])).toBeDefined();

  const backup = connections.get(targetOf('backup'));
  const changes = { known: new JobDigests(), next: new JobDigests() };
  for (const options of [{}, { maxEntriesInOneStep: 0 }, { changes }])
    expect((await takeSnapshot(backup, REF, options)).end).toMatchObject({ jobs: 3, gone: 0 });

  const redisOptions = { username: 'worker', password: 'pw', maxRetriesPerRequest: null };
  const own = new Cluster([address], { redisOptions });
  const done = Promise.withResolvers<void>();
  const worker = new Worker(REF.name, () => Promise.resolve(), { prefix: REF.prefix, connection: own, name: 'pod-1' });
  let completed = 0;
  worker.on('completed', () => ++completed === 2 && done.resolve());
  worker.on('error', done.reject);
  await done.promise;
  await worker.close();
  own.disconnect();
  await producer.add('j', {}, { priority: 7 });
  expect(await sampleFinished(reader, REF)).toMatchObject({ completed: 2 });

  const redis = connections.get(targetOf('controller'));
  expect(await readServerInfo(redis)).toMatchObject({ maxmemoryPolicy: 'noeviction' });
  await tryToClaim(redis, REF);
  const set = rateLimitFields({ max: 5, durationMs: 500 });
  expect(await writeMeta(redis, REF, { expected: undefined, mark: 'A', set, clear: ['concurrency'] })).toEqual(
    expect.any(String),
  );
  const [seconds] = await redis.time();
  const fence = { mark: 'A', untilMs: Number(seconds) * 1_000 + 60_000 };
  for (const client of [reader, redis]) {
    expect(await tryReadMarks(client, [REF])).toMatchObject([{ rawOwnerMark: 'A', failed: 0 }]);
    expect(await readLastRun(client, REF)).toMatch(/^\d+-\d+$/);
    expect(await tryReadFinished(client, [REF])).toMatchObject([{ completed: { count: 2 } }]);
    expect((await sampleSizes(client, REF)).states.completed).toMatchObject({ count: 2, weighed: 2 });
    expect(await tryCountPriorities(client, [{ queue: REF, priorities: [1] }])).toMatchObject([{ undeclared: 1 }]);
  }
  expect(await clampPriorities(redis, REF, { ...fence, clamping: clampTo([1]) })).toMatchObject({ undeclared: 1 });
  expect(await cleanFinished(redis, REF, { ...fence, state: 'completed' })).toMatchObject({ removed: 2 });
  expect(await trimEvents(redis, REF, { ...fence, maxEvents: 1 })).toMatchObject({ outcome: 'done' });
  const hourly = { name: 'hourly', schedule: { everyMs: 3_600_000 }, jobName: 'hourly', data: '{}', opts: {} };
  const scheduling = { owner: 'c1/shop/emails', mark: 'A' };
  expect(await upsertScheduler(redis, REF, hourly, scheduling)).toBe('done');
  expect((await readSchedulers(reader, REF, [hourly])).get('hourly')).toBe('holds');
  expect(await removeScheduler(redis, REF, 'hourly', scheduling)).toBe('done');
  await setPaused(redis, REF, { paused: true, expected: 'A' });
  expect(await readQueuePolicy(redis, REF)).toMatchObject({ paused: true, rawOwnerMark: 'A' });
  const round = { ...fence, stopAt: 'busy' } as const;
  expect(await obliterateRound(redis, REF, round)).toMatchObject({ outcome: 'done' });
  await producer.close();
  expect(await refusals()).toEqual([]);
});

test.each([
  { prefix: 'bull', name: '{dead}' },
  { prefix: 'bull:{team}', name: 'dead' },
])('dead letters are moved, counted, put back and removed by the controller: %o', async (queue) => {
  await Promise.all(admins.map((admin) => admin.call('ACL', 'LOG', 'RESET')));
  // Of the cluster's client, Redis' commands are those of a single server's.
  const redis = connections.get(targetOf('controller'));
  const call = callOn(redis);
  for (let n = 0; n < 4; n++) await putFailed(redis, queue, `j${n}`, 1_000 + n, n === 0 ? {} : { atm: 2 });
  expect(await settle(redis, queue, { maxRetries: 1 })).toMatchObject({ retried: 1, moved: 3 });
  const filter = compileFilter({ fromMs: 1_003 }) as CompiledFilter;
  const reader = connections.get(targetOf('reader'));
  expect(await planRedrive(callOn(reader), queue, filter)).toMatchObject({ matching: 1 });
  expect(await redriveStep(call, queue, { name: 'r', filter, fence: OPEN_FENCE })).toMatchObject({ redriven: 1 });
  expect(await countLostLetters(call, queue, OPEN_FENCE)).toMatchObject({ lost: 0, atLeast: false });
  expect(await letterIds(redis, queue)).toHaveLength(2);
  expect(await removeExpiredLetters(call, queue, { keepMs: 1, fence: OPEN_FENCE })).toMatchObject({ removed: 2 });
  expect(await refusals()).toEqual([]);
});

it.each(Object.keys(ACL_RULES))('%s follows a slot that moves from one node to another', async (username) => {
  const single = new Redis({ ...address, username, password: 'pw' });
  expect(await single.call('ASKING')).toBe('OK');
  single.disconnect();
});

test('who lacks a right, or has a wrong password, is told so and not that nothing answers', async () => {
  await user('former', ACL_RULES.reader.replace(' +cluster|slots', ''));
  const asked = (target: RedisAddress) =>
    readInTime(connections, target, { namespace: 'team', timeoutMs: 1_500 }, (redis) =>
      sampleQueues(redis, [REF]),
    ).catch(classifyRedisError);
  expect(await asked(targetOf('former'))).toEqual({
    reason: 'RedisNoPermission',
    message: expect.stringContaining("'cluster|slots' command"),
  });
  expect(await asked({ ...targetOf('reader'), password: 'no' })).toMatchObject({ reason: 'RedisAuthFailed' });
  // Known until the client is idle, also for who is not let through to try it again.
  expect(connections.refusal(targetOf('former'))).toBeDefined();
  connections.closeIdle(60_000);
  expect(connections.refusal(targetOf('former'))).toBeUndefined();
});
