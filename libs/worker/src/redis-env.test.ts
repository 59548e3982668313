import { describe, expect, it } from 'vitest';
import { redisOptionsFromEnvironment } from './redis-env.ts';

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
    const options = redisOptionsFromEnvironment({
      REDIS_URL: 'rediss://app:p%40ss@[::1]:7000/3',
      REDIS_HOST: 'unused',
    });
    expect(options).toMatchObject({ host: '::1', port: 7000, username: 'app', password: 'p@ss', db: 3, tls: {} });
    const overridden = redisOptionsFromEnvironment({ REDIS_URL: 'redis://u:old@h', REDIS_PASSWORD: 'p' });
    expect(overridden).toMatchObject({ host: 'h', port: 6379, username: 'u', password: 'p' });
  });

  it('never gives up on a command, because a worker outlives its Redis', () => {
    expect(redisOptionsFromEnvironment({ REDIS_HOST: 'h' }).maxRetriesPerRequest).toBeNull();
  });

  it.each([
    [{}, 'redis-url or redis-host'],
    [{ REDIS_URL: 'http://:planted-secret@h' }, 'redis://user:password@host:6379'],
    [{ REDIS_URL: 'planted-secret' }, 'redis://user:password@host:6379'],
    [{ REDIS_HOST: 'h', REDIS_PORT: 'planted-secret' }, 'REDIS_PORT'],
    [{ REDIS_URL: 'redis://h/planted-secret' }, 'database number'],
  ])('that cannot be read (%#) is an error that says what to set and shows no value', (env, message) => {
    const read = (): unknown => redisOptionsFromEnvironment(env);
    expect(read).toThrow(message);
    expect(read).not.toThrow('planted-secret');
  });
});
