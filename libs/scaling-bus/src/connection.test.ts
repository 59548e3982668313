import type { RedisTarget } from '@redis-queue/bullmq';
import { READABLE_SECRETS, REFUSED_SECRETS } from '@redis-queue/rig/redis-secrets';
import { expect, it } from 'vitest';
import { busCertificatesFromSecret, busPrefix, busRedisFromEnvironment, busRedisFromSecret } from './connection.ts';

it('no bus is configured when neither URL nor host is set', () => {
  expect(busRedisFromEnvironment({ BUS_REDIS_PASSWORD: 'p', BUS_REDIS_PORT: '1' })).toBeUndefined();
});

it('reads host, port, user and password one by one', () => {
  expect(
    busRedisFromEnvironment({
      BUS_REDIS_HOST: 'redis',
      BUS_REDIS_PORT: '7000',
      BUS_REDIS_USERNAME: 'bus',
      BUS_REDIS_PASSWORD: 'p',
    }),
  ).toEqual({ host: 'redis', port: 7000, username: 'bus', password: 'p' });
});

it('reads a URL, percent-encoded and with a database', () => {
  expect(busRedisFromEnvironment({ BUS_REDIS_URL: 'redis://bus:p%40ss@[::1]:7000/2' })).toEqual({
    host: '::1',
    port: 7000,
    db: 2,
    username: 'bus',
    password: 'p@ss',
  });
});

it('a separate user and password override those of the URL', () => {
  const env = { BUS_REDIS_URL: 'redis://a:b@redis', BUS_REDIS_USERNAME: 'bus', BUS_REDIS_PASSWORD: 'p' };
  expect(busRedisFromEnvironment(env)).toMatchObject({ username: 'bus', password: 'p', port: 6379 });
});

it('encrypts for rediss:// and for BUS_REDIS_TLS, with the CA when there is one', () => {
  expect(busRedisFromEnvironment({ BUS_REDIS_URL: 'rediss://redis', BUS_REDIS_CA: 'PEM' })?.tls).toEqual({ ca: 'PEM' });
  expect(busRedisFromEnvironment({ BUS_REDIS_HOST: 'redis', BUS_REDIS_TLS: 'true' })?.tls).toEqual({});
});

it.each([
  { BUS_REDIS_URL: 'http://user:secret@redis' },
  { BUS_REDIS_URL: 'secret' },
  { BUS_REDIS_URL: 'redis://user:%zzsecret@redis' },
  { BUS_REDIS_URL: 'redis://user:secret@redis/secret' },
  { BUS_REDIS_HOST: 'redis', BUS_REDIS_PORT: 'secret' },
  // It would connect in plain text.
  { BUS_REDIS_URL: 'redis://user:secret@redis', BUS_REDIS_CA: 'secret' },
])('names the variable at fault and shows no value: %j', (env) => {
  const read = () => busRedisFromEnvironment(env);
  expect(read).toThrow(/BUS_REDIS_/);
  expect(read).not.toThrow(/secret/);
});

const secret = (texts: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));

it('reads a Secret as it reads the environment, but for a newline at the end', () => {
  const texts = { 'redis-host': 'redis\n', 'redis-username': 'bus', 'redis-password': 'p\n', 'redis-ca.crt': 'PEM' };
  expect(busRedisFromSecret(secret(texts), { enabled: true })).toEqual({
    host: 'redis',
    port: 6379,
    username: 'bus',
    password: 'p',
    tls: { ca: 'PEM' },
  });
});

it('reads Sentinels and a Redis Cluster, from both', () => {
  const env = { BUS_REDIS_SENTINELS: 'a, b:1', BUS_REDIS_SENTINEL_MASTER_NAME: 'main' };
  const sentinels = {
    masterName: 'main',
    sentinels: [
      { host: 'a', port: 26_379 },
      { host: 'b', port: 1 },
    ],
  };
  expect(busRedisFromEnvironment(env)).toEqual(sentinels);
  expect(busRedisFromSecret(secret({ 'redis-sentinels': 'a,b:1', 'redis-sentinel-master-name': 'main' }))).toEqual(
    sentinels,
  );
  const cluster = { host: 'redis', port: 6379, cluster: true };
  expect(busRedisFromEnvironment({ BUS_REDIS_HOST: 'redis', BUS_REDIS_CLUSTER: 'true' })).toEqual(cluster);
  expect(busRedisFromSecret(secret({ 'redis-host': 'redis', 'redis-cluster': 'true' }))).toEqual(cluster);
  expect([busPrefix(sentinels), busPrefix(cluster as RedisTarget)]).toEqual(['redis-queue', '{redis-queue}']);
});

it('takes certificates where TLS is turned on, and refuses them elsewhere', () => {
  const certificates = { cert: 'CERT', key: 'KEY', ca: 'CA' };
  const read = (enabled: boolean, data: Record<string, string> = {}) =>
    busRedisFromSecret(secret({ 'redis-host': 'redis', ...data }), { enabled, certificates });
  expect(read(true).tls).toEqual(certificates);
  expect(read(true, { 'redis-ca.crt': 'OWN' }).tls).toEqual({ ...certificates, ca: 'OWN' });
  expect(() => read(false)).toThrow(/bus\.tls\.secretName is only for TLS.*bus\.tls\.enabled/);
  expect(() => busCertificatesFromSecret(secret({ 'tls.crt': 'secret' }))).toThrow(/tls\.crt and no tls\.key/);
  expect(() => busCertificatesFromSecret()).toThrow(/neither ca\.crt nor tls\.crt.*bus\.tls\.secretName/);
});

it.each([
  [{}, 'neither redis-url nor redis-host'],
  [{ 'redis-url': 'secret' }, 'redis-url is not of the form'],
  [{ 'redis-url': 'redis://u:%zzsecret@h' }, 'under redis-password instead'],
  [{ 'redis-host': 'h', 'redis-port': 'secret' }, 'redis-port'],
  [{ 'redis-host': 'h', 'redis-ca.crt': 'secret' }, 'the Helm value bus.tls.enabled'],
])('names the key of the Secret at fault and shows no value: %j', (texts, message) => {
  const read = () => busRedisFromSecret(secret(texts));
  expect(read).toThrow(message);
  expect(read).not.toThrow(/secret/);
});

it.each(READABLE_SECRETS)('is read as controllers and worker pods read their Secrets: $title', ({ data, reads }) => {
  expect(busRedisFromSecret(secret(data))).toEqual(reads);
});

it.each(REFUSED_SECRETS)('is refused as they refuse theirs: $title', ({ data, refusedFor }) => {
  const read = () => busRedisFromSecret(secret(data));
  for (const key of refusedFor) expect(read).toThrow(key);
  expect(read).not.toThrow('hunter2');
});

it.each(['HOST', 'PORT', 'DB'])('neither BUS_REDIS_URL nor BUS_REDIS_%s wins in silence', (name) => {
  const env = { BUS_REDIS_URL: 'redis://redis', [`BUS_REDIS_${name}`]: '6380' };
  expect(() => busRedisFromEnvironment(env)).toThrow(
    `the environment has both BUS_REDIS_URL and BUS_REDIS_${name}; remove one of them`,
  );
});
