import { parseRedisSecret } from '@redis-queue/bullmq';
import { READABLE_SECRETS, REFUSED_SECRETS } from '@redis-queue/rig/redis-secrets';
import { describe, expect, it } from 'vitest';
import { redisOptionsFromEnvironment, whyUnreachable } from './redis-env.ts';

describe('the Redis of a pod', () => {
  it('is read from its parts', () => {
    const env = {
      REDIS_HOST: 'redis',
      REDIS_PORT: '6380',
      REDIS_USERNAME: 'app',
      REDIS_PASSWORD: 'p',
      REDIS_TLS: 'true',
    };
    expect(redisOptionsFromEnvironment(env)).toMatchObject({
      host: 'redis',
      port: 6380,
      username: 'app',
      password: 'p',
      tls: {},
    });
  });

  it('is read from a URL, with what is escaped in it, and user and password named beside it override its own', () => {
    const options = redisOptionsFromEnvironment({ REDIS_URL: 'rediss://app:p%40ss@[::1]:7000/3' });
    expect(options).toMatchObject({ host: '::1', port: 7000, username: 'app', password: 'p@ss', db: 3, tls: {} });
    const overridden = redisOptionsFromEnvironment({ REDIS_URL: 'redis://u:old@h', REDIS_PASSWORD: 'p' });
    expect(overridden).toMatchObject({ host: 'h', port: 6379, username: 'u', password: 'p' });
  });

  it('never gives up on a command, because a worker outlives its Redis', () => {
    expect(redisOptionsFromEnvironment({ REDIS_HOST: 'h' }).maxRetriesPerRequest).toBeNull();
  });

  it('is expected to show the name of the Queue in its certificate, where one is given', () => {
    const env = { REDIS_HOST: '10.0.0.1', REDIS_TLS: 'true', REDIS_TLS_SERVER_NAME: 'redis.example' };
    expect(redisOptionsFromEnvironment(env).tls).toEqual({ servername: 'redis.example' });
    expect(redisOptionsFromEnvironment({ REDIS_URL: 'rediss://h', REDIS_TLS_SERVER_NAME: 'r' }).tls).toEqual({
      servername: 'r',
    });
  });

  it.each([
    [{ REDIS_TLS: 'true', REDIS_TLS_CERT_FILE: '/c' }, 'REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE belong together'],
    [{ REDIS_TLS_CERT_FILE: '/c', REDIS_TLS_KEY_FILE: '/k' }, 'REDIS_TLS_CERT_FILE is set and TLS is not'],
  ])('needs a client certificate with its key, and TLS for it (%#)', (env, message) => {
    expect(() => redisOptionsFromEnvironment({ REDIS_HOST: 'h', ...env })).toThrow(message);
  });

  it('is connected to again when the server refuses writes, as a demoted primary does, and for no other error', () => {
    const { reconnectOnError } = redisOptionsFromEnvironment({ REDIS_HOST: 'h' });
    expect(reconnectOnError?.(new Error("READONLY You can't write against a read only replica."))).toBe(2);
    expect(reconnectOnError?.(new Error('OOM command not allowed'))).toBe(false);
  });

  it.each([
    [{}, 'redis-url or redis-host'],
    [{ REDIS_URL: 'http://:planted-secret@h' }, 'redis://user:password@host:6379'],
    [{ REDIS_URL: 'planted-secret' }, 'redis://user:password@host:6379'],
    [{ REDIS_HOST: 'h', REDIS_PORT: 'planted-secret' }, 'REDIS_PORT'],
    [{ REDIS_URL: 'redis://h/planted-secret' }, 'database number'],
    [{ REDIS_URL: 'redis://:planted-secret@h', REDIS_TLS_SERVER_NAME: 'r' }, 'set REDIS_TLS=true or a rediss:// URL'],
  ])('that cannot be read (%#) is an error that says what to set and shows no value', (env, message) => {
    const read = (): unknown => redisOptionsFromEnvironment(env);
    expect(read).toThrow(message);
    expect(read).not.toThrow('planted-secret');
  });
});

describe('a pod reads its Secret as the controllers and the bus do', () => {
  it.each(READABLE_SECRETS)('$title', ({ data, reads }) => {
    const { host, port, db, username, password } = redisOptionsFromEnvironment(environmentOf(data));
    expect({ host, port, db, username, password }).toEqual({ db: 0, ...reads });
  });

  it.each(REFUSED_SECRETS)('$title is refused', ({ data, refusedFor }) => {
    const read = (): unknown => redisOptionsFromEnvironment(environmentOf(data));
    for (const key of refusedFor) expect(read).toThrow(new RegExp(`${key}|${variableOf(key)}`));
    expect(read).not.toThrow('hunter2');
  });

  it.each([{ REDIS_URL: 'redis://redis' }, { REDIS_HOST: 'redis' }])(
    'and takes nothing from what Kubernetes says of a Service named redis: %j',
    (env) => {
      const options = redisOptionsFromEnvironment({ ...env, REDIS_PORT: 'tcp://10.0.0.7:7000' });
      expect(options).toMatchObject({ host: 'redis', port: 6379 });
    },
  );
});

describe('the Sentinels of a pod', () => {
  const SENTINELS = { REDIS_SENTINELS: 'a, [::1]:7001,', REDIS_SENTINEL_MASTER_NAME: 'main' };

  it('are asked for the primary, with a login of their own', () => {
    const env = { ...SENTINELS, REDIS_PASSWORD: 'p', REDIS_SENTINEL_USERNAME: 'u', REDIS_SENTINEL_PASSWORD: 's' };
    expect(redisOptionsFromEnvironment(env)).toMatchObject({
      sentinels: [
        { host: 'a', port: 26_379 },
        { host: '::1', port: 7_001 },
      ],
      name: 'main',
      password: 'p',
      sentinelUsername: 'u',
      sentinelPassword: 's',
    });
    expect(redisOptionsFromEnvironment(env)).not.toHaveProperty('host');
  });

  it('speak TLS where the servers do', () => {
    const env = { ...SENTINELS, REDIS_TLS: 'true', REDIS_TLS_SERVER_NAME: 'r' };
    const secure = { servername: 'r' };
    expect(redisOptionsFromEnvironment(env)).toMatchObject({
      tls: secure,
      sentinelTLS: secure,
      enableTLSForSentinelMode: true,
    });
    expect(redisOptionsFromEnvironment(SENTINELS)).not.toHaveProperty('enableTLSForSentinelMode');
  });

  it('never end a pod, whoever of them answers: they are asked again and again', () => {
    expect(redisOptionsFromEnvironment(SENTINELS).sentinelRetryStrategy?.(1_000)).toBeLessThanOrEqual(1_000);
  });
});

it('the Redis Cluster of a pod is marked by its Secret', () => {
  const env = { REDIS_HOST: 'c', REDIS_CLUSTER: 'true\n' };
  expect(redisOptionsFromEnvironment(env)).toMatchObject({ host: 'c', port: 6_379, cluster: true });
  expect(redisOptionsFromEnvironment({ ...env, REDIS_CLUSTER: 'false' })).not.toHaveProperty('cluster');
});

/** What only controllers and pods read, not the bus. */
const REFUSED_PLACES: readonly Record<string, string>[] = [
  { 'redis-sentinels': 'hunter2:1' },
  { 'redis-sentinel-master-name': 'hunter2', 'redis-host': 'h' },
  { 'redis-sentinels': 'hunter2@', 'redis-sentinel-master-name': 'main' },
  { 'redis-sentinels': 'a:70000', 'redis-sentinel-master-name': 'main' },
  { 'redis-sentinels': ' , ', 'redis-sentinel-master-name': 'main' },
  ...Object.entries({ 'redis-url': 'redis://h', 'redis-host': 'h', 'redis-db': '0', 'redis-cluster': 'true' }).map(
    ([key, text]) => ({ 'redis-sentinels': 'a:1', 'redis-sentinel-master-name': 'main', [key]: text }),
  ),
  { 'redis-host': 'h', 'redis-cluster': 'hunter2' },
  { 'redis-host': 'h', 'redis-db': '2', 'redis-cluster': 'true' },
  { 'redis-url': 'redis://h/2', 'redis-cluster': 'true' },
];

it.each(REFUSED_PLACES)('a Secret that the controllers refuse is refused, without its values: %j', (data) => {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  expect(parseRedisSecret(Object.fromEntries(encoded) as Record<string, string>).ok).toBe(false);
  const read = (): unknown => redisOptionsFromEnvironment(environmentOf(data));
  expect(read).toThrow(/REDIS_/);
  expect(read).not.toThrow('hunter2');
});

/** As the pool's template names the keys. */
function environmentOf(data: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [variableOf(key), text]));
}

function variableOf(key: string): string {
  return key.toUpperCase().replaceAll('-', '_');
}

describe('why Redis cannot be reached', () => {
  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', 'redis-ca.crt in the Secret'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', "Host: h. is not in the cert's altnames", 'redis.tls.serverName of the Queue'],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:6379', 'connect ECONNREFUSED'],
    ['ECONNREFUSED', '', 'ECONNREFUSED'],
  ])('is reported with what to do about it (%s)', (code, message, says) => {
    const text = whyUnreachable(Object.assign(new Error(message), { code }));
    expect(text).toContain(says);
    expect(text).toContain(message);
  });
});
