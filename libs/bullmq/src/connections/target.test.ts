import { expect, test } from 'vitest';
import { connectionKey, describeTarget, serverOf, type RedisTarget } from './target.ts';

test('the connection key tells targets apart, is stable, and reveals neither host nor password', () => {
  const one = { host: 'redis', port: 6379, password: 'hunter2' };
  expect(connectionKey(one)).toBe(connectionKey({ password: 'hunter2', port: 6379, host: 'redis' }));
  const others = [
    { ...one, password: 'x' },
    { ...one, port: 1 },
    { ...one, db: 1 },
    { ...one, tls: {} },
    { ...one, username: 'a' },
  ];
  expect(new Set([one, ...others].map(connectionKey)).size).toBe(6);
  expect(connectionKey(one)).toMatch(/^[0-9a-f]{16}$/);
});

const sentinels = ['a', 'b', 'c'].map((host) => ({ host, port: 26_379 }));

test('Sentinels are another target than a server, and each group, list and user of theirs is one', () => {
  const main: RedisTarget = { sentinels, masterName: 'main' };
  const all: RedisTarget[] = [
    { host: 'a', port: 26_379 },
    main,
    { ...main, masterName: 'other' },
    { ...main, sentinels: sentinels.slice(1) },
    { ...main, sentinelPassword: 'x' },
    { ...main, password: 'x' },
  ];
  expect(new Set(all.map(connectionKey)).size).toBe(all.length);
});

test.each<[RedisTarget, string]>([
  [{ host: 'redis', port: 6379, username: 'u', password: 'hunter2' }, 'redis:6379'],
  [{ host: '::1', port: 6379, cluster: true }, '[::1]:6379'],
  [{ sentinels: sentinels.slice(0, 1), masterName: 'main' }, 'main at the Sentinel a:26379'],
  [
    { sentinels, masterName: 'main', sentinelPassword: 'hunter2', password: 'hunter2' },
    'main at the Sentinels a:26379, b:26379 and 1 more',
  ],
])('a target is described by its place alone: %#', (target, expected) => {
  expect(describeTarget(target)).toBe(expected);
});

test('two targets lead to one server whoever logs in, and to another by host, port, database or group', () => {
  const one: RedisTarget = { host: 'redis', port: 6379 };
  const group: RedisTarget = { sentinels, masterName: 'main' };
  const same: [RedisTarget, RedisTarget][] = [
    [one, { ...one, host: 'REDIS', username: 'u', password: 'p', tls: {}, db: 0 }],
    [group, { ...group, sentinels: sentinels.toReversed(), password: 'p', sentinelPassword: 'p' }],
  ];
  for (const [a, b] of same) expect(serverOf(a)).toBe(serverOf(b));
  const others: RedisTarget[] = [
    one,
    { ...one, host: 'other' },
    { ...one, port: 1 },
    { ...one, db: 1 },
    group,
    { ...group, masterName: 'MAIN' },
  ];
  expect(new Set(others.map(serverOf)).size).toBe(others.length);
});
