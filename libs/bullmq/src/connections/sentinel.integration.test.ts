import { readFileSync } from 'node:fs';
import {
  createAuthority,
  eventually,
  issueCertificate,
  startRedis,
  startRedisSentinel,
  temporaryFolder,
  type RedisSentinel,
} from '@redis-queue/rig';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RedisConnections } from './connections.ts';
import { FAIL_FAST } from './open-redis.ts';
import { classifyRedisError } from './errors.ts';
import { sampleQueues } from '../sampling/sample.ts';
import type { RedisSentinels } from './target.ts';
import { QueueWakeups } from '../sampling/wakeups.ts';

let group: RedisSentinel;
let target: RedisSentinels;
const connections = new RedisConnections({ clientName: 'sentinel-test' });

beforeAll(async () => {
  group = await startRedisSentinel({ password: 'of-servers', sentinelPassword: 'of-sentinels' });
  await using gone = await startRedis();
  const { masterName, sentinel } = group;
  // The first of the list does not answer, as in a rollout of the Sentinels.
  const sentinels = [{ host: gone.host, port: gone.port }, sentinel];
  target = { sentinels, masterName, password: 'of-servers', sentinelPassword: 'of-sentinels' };
});
afterAll(async () => {
  connections.close();
  await group?.[Symbol.asyncDispose]();
});

const queue = { prefix: 'bull', name: 'emails' };

test.each<[string, Partial<RedisSentinels>, string]>([
  ['a group that the Sentinels do not know', { masterName: 'other' }, 'RedisUnreachable'],
  ['a wrong password of the servers', { password: 'wrong' }, 'RedisAuthFailed'],
  ['a wrong password of the Sentinels', { sentinelPassword: 'wrong' }, 'RedisAuthFailed'],
  ['no password of the Sentinels', { sentinelPassword: undefined }, 'RedisAuthFailed'],
])('%s is reported as such, within seconds', async (_, change, reason) => {
  const wrong = { ...target, ...change } as RedisSentinels;
  const error: unknown = await connections
    .get(wrong)
    .ping()
    .catch((failure: unknown) => failure);
  connections.release(wrong);
  expect(classifyRedisError(error)).toMatchObject({ reason });
  expect(JSON.stringify(classifyRedisError(error))).not.toMatch(/wrong|of-s/);
});

test('commands and wake-ups go to the primary, and after a failover to the new one', async () => {
  const redis = connections.get(target);
  await redis.lpush('bull:emails:wait', 'a');
  expect((await sampleQueues(redis, [queue]))[0]).toMatchObject({ waiting: 1 });
  let woken = 0;
  const wakeups = new QueueWakeups(target);
  try {
    await eventually(async () => (await wakeups.watch(queue, () => woken++))?.waiting === 1);
    await redis.wait(1, 5_000);
    await group.primary.kill9();
    await eventually(() => redis.lpush('bull:emails:wait', 'b'), {
      timeoutMs: 20_000,
      description: 'the replica to be primary',
    });
    expect((await sampleQueues(redis, [queue]))[0]).toMatchObject({ waiting: 2 });
    expect(await redis.config('GET', 'port')).toEqual(['port', String(group.replica.port)]);
    await eventually(() => wakeups.live, { timeoutMs: 20_000 });
    const before = woken;
    await redis.lpush('bull:emails:wait', 'c');
    await eventually(() => woken > before);
  } finally {
    wakeups.close();
  }
});

test('fails within seconds when no Sentinel answers', async () => {
  await using gone = await startRedis();
  const nowhere: RedisSentinels = { ...target, sentinels: [{ host: gone.host, port: gone.port }] };
  await gone.stop();
  const from = performance.now();
  const error: unknown = await connections
    .get(nowhere)
    .ping()
    .catch((failure: unknown) => failure);
  expect(classifyRedisError(error)).toMatchObject({ reason: 'RedisUnreachable' });
  expect(performance.now() - from).toBeLessThan(FAIL_FAST.commandTimeout! + 10_000);
});

test('Sentinels and servers that speak TLS are trusted by the CA of the Secret, and by no other', async () => {
  const folder = temporaryFolder('sentinel-tls');
  const [ca, other] = await Promise.all(['ca', 'other'].map((name) => createAuthority(folder, name, name)));
  const pair = await issueCertificate(folder, 'redis', 'redis', ca!, 'subjectAltName=IP:127.0.0.1');
  await using secure = await startRedisSentinel({ tls: { ca: ca!.certificate, ...pair } });
  const { masterName, sentinel } = secure;
  const trusting = (file: string): RedisSentinels => ({
    sentinels: [sentinel],
    masterName,
    tls: { ca: readFileSync(file, 'utf8') },
  });
  expect(await connections.get(trusting(ca!.certificate)).config('GET', 'port')).toEqual([
    'port',
    String(secure.primary.port),
  ]);
  const distrusting = connections.get(trusting(other!.certificate));
  await expect(distrusting.ping().catch((error: unknown) => classifyRedisError(error))).resolves.toMatchObject({
    reason: 'RedisUnreachable',
  });
});
