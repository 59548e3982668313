import { API_VERSION, QUEUE_REASONS, REDIS_ROLES, WORKER_POOL_REASONS, type QueueSpec } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import type { QueueObject, SecretObject } from './objects.ts';
import { queueRef } from './queue-ref.ts';
import {
  resolveRedis,
  resolveRedisOfRoles,
  resolveRedisSecret,
  type RedisAccessReason,
  type SecretSources,
} from './resolve.ts';

function aQueue(redis: QueueSpec['redis'] = {}, spec: QueueSpec = {}): QueueObject {
  return {
    apiVersion: API_VERSION,
    kind: 'Queue',
    metadata: { namespace: 'shop', name: 'emails' },
    spec: { ...spec, redis },
  };
}

function aSecret(name: string, texts: Record<string, string>): SecretObject {
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name }, data };
}

/** Secrets by name, each with one key; all of them permitted. */
function sources(urls: Record<string, string>, permitted = Object.keys(urls)): SecretSources {
  const secrets = new Map(Object.entries(urls).map(([name, url]) => [name, aSecret(name, { 'redis-url': url })]));
  return {
    reader: 'autoscaler',
    permittedSecrets: new Set(permitted),
    secret: ({ namespace, name }) => (namespace === 'shop' ? secrets.get(name) : undefined),
  };
}

const hostOf = (queue: QueueObject, role: (typeof REDIS_ROLES)[number], from: SecretSources): unknown => {
  const access = resolveRedis(queue, role, from);
  return access.ok ? access.target : access.problem;
};

describe('the target of a role', () => {
  const all = sources({ 'redis-credentials': 'redis://default', everybody: 'redis://everybody', own: 'redis://own' });

  it.each(REDIS_ROLES)('is read from the default Secret when nothing is named: %s', (role) => {
    expect(hostOf(aQueue(), role, all)).toEqual({ host: 'default', port: 6379 });
  });

  it.each(REDIS_ROLES)('is read from the Secret of its own, and others keep the common one: %s', (role) => {
    const queue = aQueue({ secretRef: { name: 'everybody' }, secretRefs: { [role]: { name: 'own' } } });
    const hosts = REDIS_ROLES.map((each) => hostOf(queue, each, all));
    expect(hosts).toEqual(REDIS_ROLES.map((each) => ({ host: each === role ? 'own' : 'everybody', port: 6379 })));
  });

  it.each([
    ['SecretNotPermitted', 'names Secret certs in spec.redis.tls.secretRef, which the autoscaler may not read', {}, []],
    ['SecretNotFound', 'shop/certs does not exist; create it with ca.crt, or tls.crt and tls.key', {}, ['certs']],
    [
      'SecretInvalid',
      'Secret shop/certs: the Secret has neither ca.crt nor tls.crt',
      { certs: 'redis://h' },
      ['certs'],
    ],
  ])('needs the certificates that the spec names: %s', (reason, message, more, permitted) => {
    const from = sources({ 'redis-credentials': 'rediss://one', ...more }, ['redis-credentials', ...permitted]);
    const queue = aQueue({ tls: { secretRef: { name: 'certs' } } });
    expect(resolveRedis(queue, 'sampler', from)).toMatchObject({
      ok: false,
      problem: { reason, message: expect.stringContaining(message) as string },
    });
  });

  it('follows a changed Secret and the way the queue asks for TLS', () => {
    const from = sources({ 'redis-credentials': 'redis://one' });
    const other = sources({ 'redis-credentials': 'redis://other' });
    const tls = aQueue({ tls: { enabled: true, serverName: 'redis.example' } });
    expect(hostOf(aQueue(), 'worker', from)).toEqual({ host: 'one', port: 6379 });
    expect(hostOf(tls, 'worker', from)).toEqual({ host: 'one', port: 6379, tls: { serverName: 'redis.example' } });
    expect(hostOf(aQueue(), 'worker', other)).toEqual({ host: 'other', port: 6379 });
  });

  it('is parsed once, however many queues share the Secret', () => {
    const [one, two] = ['a', 'b'].map((prefix) => resolveRedis(aQueue({ prefix }), 'sampler', all));
    expect(one).toMatchObject({ ok: true, targetKey: expect.stringMatching(/^[0-9a-f]{16}$/) as string });
    expect((two as { target: unknown }).target).toBe((one as { target: unknown }).target);
  });
});

describe('every app reports a problem in the same words', () => {
  it.each<[string, QueueSpec['redis'], SecretSources, RedisAccessReason, string]>([
    [
      'a Secret that may not be read, named for all',
      { secretRef: { name: 'private' } },
      sources({ a: '', b: '' }),
      'SecretNotPermitted',
      'Queue emails names Secret private in spec.redis.secretRef, which the autoscaler may not read; add it to the Helm value redis.secretNames of the chart autoscaler (of the chart redis-queue: global.redis.secretNames, or autoscaler.redis.secretNames where that is set); now: a, b',
    ],
    [
      'one that is named for the role',
      { secretRefs: { sampler: { name: 'private' } } },
      sources({ a: '' }),
      'SecretNotPermitted',
      'Queue emails names Secret private in spec.redis.secretRefs.sampler, which the autoscaler may not read; add it to the Helm value redis.secretNames of the chart autoscaler (of the chart redis-queue: global.redis.secretNames, or autoscaler.redis.secretNames where that is set); now: a',
    ],
    [
      'the default that may not be read',
      undefined,
      sources({}),
      'SecretNotPermitted',
      'Queue emails needs the default Secret redis-credentials, which the autoscaler may not read; add it to the Helm value redis.secretNames of the chart autoscaler (of the chart redis-queue: global.redis.secretNames, or autoscaler.redis.secretNames where that is set); now: no Secret',
    ],
    [
      'a Secret that does not exist',
      undefined,
      sources({}, ['redis-credentials']),
      'SecretNotFound',
      'Secret shop/redis-credentials does not exist; create it with redis-url or redis-host',
    ],
    [
      'a Secret that cannot be read, without its content',
      undefined,
      sources({ 'redis-credentials': 'http://hunter2' }),
      'SecretInvalid',
      "Secret shop/redis-credentials: the Secret's redis-url is not of the form redis://host:port or rediss://host:port",
    ],
  ])('%s', (_, redis, from, reason, message) => {
    expect(resolveRedis(aQueue(redis), 'sampler', from)).toEqual({ ok: false, problem: { reason, message } });
  });

  it('with reasons that every kind has in its table, so that it knows whether to try again', () => {
    const reasons: Record<RedisAccessReason, true> = {
      PrefixReserved: true,
      SecretNotPermitted: true,
      SecretNotFound: true,
      SecretInvalid: true,
      MixedRedis: true,
    };
    for (const table of [QUEUE_REASONS, WORKER_POOL_REASONS])
      expect(Object.keys(table)).toEqual(expect.arrayContaining(Object.keys(reasons)));
  });
});

describe('several roles of one queue', () => {
  const queue = aQueue({ secretRefs: { controller: { name: 'write' }, sampler: { name: 'read' } } });
  const both = (write: string, read: string) =>
    resolveRedisOfRoles(queue, ['controller', 'sampler'], sources({ write, read }));

  it('reach the same server with users of their own; the target is that of the first', () => {
    expect(both('redis://w:1@redis', 'rediss://r:2@REDIS:6379/0')).toMatchObject({
      ok: true,
      target: { host: 'redis', port: 6379, username: 'w', password: '1' },
    });
  });

  it.each([
    ['host', 'redis://redis', 'redis://other', 'leads to redis:6379', 'leads to other:6379'],
    ['port', 'redis://redis', 'redis://redis:6380', 'leads to redis:6379', 'leads to redis:6380'],
    ['database', 'redis://redis', 'redis://redis/3', 'leads to redis:6379', 'leads to redis:6379 database 3'],
  ])(
    'are refused when they lead to another %s, and both targets are named without a credential',
    (_, a, b, one, other) => {
      const access = both(a.replace('//', '//u:hunter2@'), b.replace('//', '//u:hunter2@'));
      expect(access).toEqual({
        ok: false,
        problem: {
          reason: 'MixedRedis',
          message: `Secret write (controller) ${one}, but Secret read (sampler) ${other}; every Secret of a Queue has to lead to the same server and database, under the same address`,
        },
      });
    },
  );

  it('are refused when the Secret of any is in the way', () => {
    const access = resolveRedisOfRoles(queue, ['controller', 'sampler'], sources({ write: 'redis://redis' }));
    expect(access).toMatchObject({
      ok: false,
      problem: { message: expect.stringContaining('Secret read in spec.redis.secretRefs.sampler') as string },
    });
  });
});

it('a queue is found in Redis by its prefix and name', () => {
  expect(queueRef(aQueue())).toEqual({ prefix: 'bull', name: 'emails' });
  expect(queueRef(aQueue({ prefix: 'jobs' }, { name: 'mail' }))).toEqual({ prefix: 'jobs', name: 'mail' });
});

it.each(['redis-queue', 'redis-queue:x'])('nobody is led to the keys of the bus: %s', (prefix) => {
  const access = resolveRedis(aQueue({ prefix }), 'worker', sources({ 'redis-credentials': 'redis://default' }));
  expect(access).toMatchObject({ ok: false, problem: { reason: 'PrefixReserved' } });
  expect([QUEUE_REASONS.PrefixReserved.kind, WORKER_POOL_REASONS.PrefixReserved.kind]).toEqual(['stalled', 'stalled']);
});

it.each([
  [{ prefix: 'rq-scratch-1' }, 'emails'],
  [{ prefix: 'bull:rq-scratch-1' }, 'emails'],
  [{}, 'rq-scratch-1'],
])('nobody is led to the keys of scratch restores: %j %s', (redis, name) => {
  const access = resolveRedis(aQueue(redis, { name }), 'worker', sources({ 'redis-credentials': 'redis://default' }));
  expect(access).toMatchObject({
    ok: false,
    problem: { reason: 'PrefixReserved', message: expect.stringContaining('where scratch restores write') },
  });
});

it('a Secret that something else than a Queue names is found, or it is said who asked for it', () => {
  const from = sources({ 'redis-scratch': 'redis://scratch', other: 'redis://other' }, ['redis-scratch']);
  const ask = (name: string) => resolveRedisSecret({ namespace: 'shop', name }, `spec.x names Secret ${name}`, from);
  expect(ask('redis-scratch')).toMatchObject({ ok: true, target: { host: 'scratch' } });
  expect(ask('other')).toMatchObject({
    ok: false,
    problem: {
      reason: 'SecretNotPermitted',
      message: expect.stringMatching(/^spec\.x names Secret other, which the autoscaler may not read/),
    },
  });
});
