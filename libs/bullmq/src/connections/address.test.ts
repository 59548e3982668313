import { expect, test } from 'vitest';
import { addressOf, isOtherAddress } from './address.ts';
import type { RedisAddress, RedisTarget } from './target.ts';

const SENTINELS: RedisTarget = { sentinels: [{ host: 'a', port: 26_379 }], masterName: 'main' };
const at = (host: string, port = 6379, db = 0): RedisAddress => ({ host, port, ...(db > 0 && { db }) });

test.each<[RedisTarget, string]>([
  [{ ...at('redis'), username: 'hunter2', password: 'hunter2', db: 0 }, 'redis:6379'],
  [at('::1', 7000, 3), '[::1]:7000 database 3'],
  [{ ...at('node'), cluster: true }, 'node:6379 of a Redis Cluster'],
  [{ ...SENTINELS, db: 2 }, 'main at the Sentinel a:26379 database 2'],
])('an address names server and database, and no credential: %#', (target, expected) => {
  expect(addressOf(target)).toBe(expected);
});

test.each<[string, RedisTarget, RedisTarget]>([
  ['host', at('redis.team-a'), at('redis.team-b')],
  ['host, although its name begins alike', at('redis'), at('redis-2')],
  ['IP', at('10.0.0.1'), at('10.0.0.2')],
  ['IPv6', at('::1'), at('::2')],
  ['port', at('redis'), at('redis', 6380)],
  ['database', at('redis'), at('redis', 6379, 5)],
  ['database, whatever the host is called', at('redis', 6379, 2), at('10.0.0.1', 6379, 5)],
])('another %s is another address', (_, one, other) => {
  expect(isOtherAddress(addressOf(one), other)).toBe(true);
  expect(isOtherAddress(addressOf(other), one)).toBe(true);
});

test.each<[string, RedisTarget, RedisTarget]>([
  ['equal ones, whoever logs in', at('redis', 7000, 3), { ...at('REDIS', 7000, 3), password: 'p', tls: {} }],
  ['a name with the dot of its root', at('redis.example'), at('redis.example.')],
  ['a Service by its short name, as its own namespace may call it', at('redis.team-a.svc'), at('redis')],
  ['the same by its full name', at('redis.team-a'), at('redis.team-a.svc.cluster.local')],
  ['a name and an IP, behind which another port may be the same', at('redis'), at('10.0.0.1', 7000)],
  ['Sentinels and the server that they may name', SENTINELS, at('a')],
  ['a node of a Redis Cluster, which may know the other', { ...at('node-1'), cluster: true }, at('node-2')],
])('what may be the same is not called another: %s', (_, one, other) => {
  expect(isOtherAddress(addressOf(one), other)).toBe(false);
  expect(isOtherAddress(addressOf(other), one)).toBe(false);
});

test('what is no address, as of a later release, is not compared', () => {
  expect(isOtherAddress('', at('redis'))).toBe(false);
  expect(isOtherAddress('somewhere else', at('redis'))).toBe(false);
});
