import { READABLE_SECRETS, REFUSED_SECRETS } from '@redis-queue/rig/redis-secrets';
import { describe, expect, test } from 'vitest';
import { boundRedisSecret, parseRedisSecret, type TlsSpec } from './redis-secret.ts';
import { connectionKey, type RedisTarget } from './target.ts';

function secret(texts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
}

function target(texts: Record<string, string>, tls?: TlsSpec): RedisTarget {
  const parsed = parseRedisSecret(secret(texts), tls);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.target;
}

describe('the controllers read a Secret as the bus and worker pods do', () => {
  test.each(READABLE_SECRETS)('$title', ({ data, reads }) => {
    expect(parseRedisSecret(secret(data))).toEqual({ ok: true, target: reads });
  });

  test.each(REFUSED_SECRETS)('$title is refused', ({ data, refusedFor }) => {
    const parsed = parseRedisSecret(secret(data));
    expect(parsed).toMatchObject({ ok: false, reason: 'SecretInvalid' });
    for (const key of refusedFor) expect(parsed).toHaveProperty('message', expect.stringContaining(key));
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
  });
});

describe('a Secret becomes a Redis target', () => {
  test.each<[string, Record<string, string>, RedisTarget]>([
    ['host alone', { 'redis-host': 'redis' }, { host: 'redis', port: 6379 }],
    [
      'host, port, user and password',
      { 'redis-host': 'redis', 'redis-port': '7000', 'redis-username': 'app', 'redis-password': 'pw' },
      { host: 'redis', port: 7000, username: 'app', password: 'pw' },
    ],
    [
      'a trailing newline, as echo leaves it',
      { 'redis-host': 'redis\n', 'redis-password': 'pw\n' },
      { host: 'redis', port: 6379, password: 'pw' },
    ],
    [
      'a URL with everything',
      { 'redis-url': 'rediss://app:p%40ss@redis.example:6380/2' },
      { host: 'redis.example', port: 6380, username: 'app', password: 'p@ss', db: 2, tls: {} },
    ],
    ['an IPv6 URL', { 'redis-url': 'redis://[::1]:6379' }, { host: '::1', port: 6379 }],
    [
      'a URL with the password in a key of its own',
      { 'redis-url': 'redis://redis', 'redis-password': 'pw' },
      { host: 'redis', port: 6379, password: 'pw' },
    ],
  ])('%s', (_, texts, expected) => {
    expect(target(texts)).toEqual(expected);
  });

  test('TLS is spoken when the spec asks for it, with the private CA of the Secret', () => {
    expect(
      target({ 'redis-host': 'redis', 'redis-ca.crt': 'PEM' }, { enabled: true, serverName: 'r.example' }).tls,
    ).toEqual({
      ca: 'PEM',
      serverName: 'r.example',
    });
    expect(target({ 'redis-url': 'rediss://redis', 'redis-ca.crt': 'PEM' }, { serverName: 'r.example' }).tls).toEqual({
      ca: 'PEM',
      serverName: 'r.example',
    });
    expect(target({ 'redis-host': 'redis' }, { enabled: false }).tls).toBeUndefined();
  });

  test('what a tenant can make large is refused with the key, its bound and the way out, and no value is repeated', () => {
    const host = { 'redis-host': 'redis' };
    const parsed = parseRedisSecret(secret({ ...host, 'redis-ca.crt': 'x'.repeat(700 * 1024) }), { enabled: true });
    expect(parsed).toEqual({
      ok: false,
      reason: 'SecretInvalid',
      message:
        "the Secret's redis-ca.crt has more than 64 kB; leave only the authority that signed Redis's certificate",
    });
    for (const key of ['redis-url', 'redis-host', 'redis-password', 'redis-sentinels', 'redis-sentinel-password'])
      expect(parseRedisSecret(secret({ ...host, [key]: 'x,'.repeat(5_000) }))).toEqual({
        ok: false,
        reason: 'SecretInvalid',
        message: `the Secret's ${key} has more than 8 kB`,
      });
    expect(target({ ...host, 'redis-ca.crt': 'x'.repeat(64 * 1024) }, { enabled: true }).tls?.ca).toHaveLength(65_536);
  });

  test('of a Secret only what is read is held, and what is too large says so as before', () => {
    const data = secret({
      'redis-host': 'redis',
      'redis-password': 'p'.repeat(500_000),
      'other.key': 'k'.repeat(500_000),
    });
    const bounded = boundRedisSecret(data);
    expect(Object.keys(bounded)).toEqual(['redis-host', 'redis-password']);
    expect(JSON.stringify(bounded).length).toBeLessThan(12_000);
    expect(parseRedisSecret(bounded)).toEqual(parseRedisSecret(data));
    const small = secret({ 'redis-url': 'rediss://u:p@redis/1', 'redis-ca.crt': 'PEM' });
    expect(boundRedisSecret(small)).toEqual(small);
  });

  const SENTINELS = { 'redis-sentinels': 'a:1', 'redis-sentinel-master-name': 'main' };
  test.each<[string, Record<string, string>, TlsSpec, RegExp]>([
    [
      'a name for the certificate',
      { 'redis-host': 'redis' },
      { serverName: 'r.example' },
      /^spec\.redis\.tls\.serverName /,
    ],
    ['the same, with a URL', { 'redis-url': 'redis://redis' }, { serverName: 'r' }, /^spec\.redis\.tls\.serverName /],
    ['a private authority', { 'redis-host': 'redis', 'redis-ca.crt': 'PEM' }, {}, /redis-ca\.crt is only for TLS/],
    [
      'the same, with TLS off',
      { 'redis-url': 'redis://h', 'redis-ca.crt': 'PEM' },
      { enabled: false },
      /redis-ca\.crt/,
    ],
    ['the same, for Sentinels', { ...SENTINELS, 'redis-ca.crt': 'PEM' }, {}, /redis-ca\.crt/],
  ])('%s without TLS is refused: it would connect in plain text', (_, texts, tls, message) => {
    const parsed = parseRedisSecret(secret(texts), tls);
    expect(parsed).toMatchObject({ ok: false, reason: 'SecretInvalid', message: expect.stringMatching(message) });
    expect((parsed as { message: string }).message).toContain('set spec.redis.tls.enabled: true in the Queue');
  });

  test('a node of a Redis Cluster is called one, and is another target than the node alone', () => {
    const texts = { 'redis-host': 'redis', 'redis-cluster': 'true' };
    expect(target(texts)).toEqual({ host: 'redis', port: 6379, cluster: true });
    expect(target({ ...texts, 'redis-cluster': 'false' })).toEqual({ host: 'redis', port: 6379 });
    expect(connectionKey(target(texts))).not.toBe(connectionKey(target({ 'redis-host': 'redis' })));
  });

  test('Sentinels are listed with the name of their group, and may ask for a user of their own', () => {
    const texts = {
      'redis-sentinels': 'a.example:26380, [::1]:26381,b.example\n',
      'redis-sentinel-master-name': 'main',
    };
    const sentinels = [
      { host: 'a.example', port: 26_380 },
      { host: '::1', port: 26_381 },
      { host: 'b.example', port: 26_379 },
    ];
    expect(target(texts)).toEqual({ sentinels, masterName: 'main' });
    const users = {
      'redis-username': 'app',
      'redis-password': 'pw',
      'redis-sentinel-username': 'asker',
      'redis-sentinel-password': 'spw',
    };
    expect(target({ ...texts, ...users, 'redis-ca.crt': 'PEM' }, { enabled: true })).toEqual({
      sentinels,
      masterName: 'main',
      username: 'app',
      password: 'pw',
      sentinelUsername: 'asker',
      sentinelPassword: 'spw',
      tls: { ca: 'PEM' },
    });
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['nothing', {}, /neither redis-url nor redis-host/],
    ['another protocol', { 'redis-url': 'http://hunter2@redis' }, /redis-url is not of the form/],
    ['no URL', { 'redis-url': 'hunter2' }, /redis-url is not of the form/],
    ['a path that is no number', { 'redis-url': 'redis://redis/hunter2' }, /not a database number/],
    ['a password that is not percent-encoded', { 'redis-url': 'redis://u:hunter2%zz@redis' }, /percent-encoded/],
    ['neither yes nor no', { 'redis-host': 'h', 'redis-cluster': 'hunter2' }, /redis-cluster is neither/],
    ['a database of a Cluster', { 'redis-url': 'redis://h/2', 'redis-cluster': 'true' }, /no database but 0/],
    ['the same, by its key', { 'redis-host': 'h', 'redis-db': '2', 'redis-cluster': 'true' }, /no database but 0/],
    ['Sentinels of no group', { 'redis-sentinels': 'hunter2:1' }, /redis-sentinels need redis-sentinel-master-name/],
    [
      'a group without Sentinels',
      { 'redis-host': 'h', 'redis-sentinel-master-name': 'hunter2' },
      /redis-sentinel-master-name needs redis-sentinels/,
    ],
    ...['hunter2:0', 'a,redis://hunter2:1', 'hunter2:x', ',', 'a b:1'].map(
      (list): [string, Record<string, string>, RegExp] => [
        `a list of Sentinels such as ${list}`,
        { 'redis-sentinels': list, 'redis-sentinel-master-name': 'main' },
        /redis-sentinels are not of the form/,
      ],
    ),
    ...['redis-url', 'redis-host', 'redis-db', 'redis-cluster'].map((key): [string, Record<string, string>, RegExp] => [
      `Sentinels beside ${key}`,
      { 'redis-sentinels': 'a', 'redis-sentinel-master-name': 'main', [key]: 'hunter2' },
      new RegExp(`both redis-sentinels and ${key}`),
    ]),
    ['no port number', { 'redis-host': 'redis', 'redis-port': 'hunter2' }, /redis-port is not a port number/],
  ])('%s is refused with a message that repeats no value', (_, texts, message) => {
    const parsed = parseRedisSecret(secret(texts));
    expect(parsed).toMatchObject({ ok: false, reason: 'SecretInvalid', message: expect.stringMatching(message) });
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
  });
});
