import { UsageError } from '@redis-queue/controller';
import { expect, it } from 'vitest';
import { readSecretNames, REDIS_SECRET_NAMES_FLAG } from './secret-names.ts';

const namesIn = (list: string): string[] => readSecretNames({ 'redis-secret-names': list }, 'redis-secret-names');

it.each([
  ['redis-a,redis-b', ['redis-a', 'redis-b']],
  [' redis-a , redis.b,, redis-a', ['redis-a', 'redis.b']],
  ['', []],
  ['a'.repeat(253), ['a'.repeat(253)]],
])('the list "%.30s" names each Secret once', (list, names) => {
  expect(namesIn(list)).toEqual(names);
});

it.each(['*', 'ns/redis', 'Redis', '-a', 'a.', 'a..b', 'two names', 'a'.repeat(254)])(
  'the name "%.20s", which no Secret can have, is bad usage and is repeated',
  (name) => {
    expect(() => namesIn(`redis-a,${name}`)).toThrow(UsageError);
    expect(() => namesIn(`redis-a,${name}`)).toThrow(`--redis-secret-names: "${name}"`);
  },
);

it('the default is the Secret that is read when a Queue names none', () => {
  expect(namesIn(REDIS_SECRET_NAMES_FLAG['redis-secret-names'].default)).toEqual(['redis-credentials']);
});
