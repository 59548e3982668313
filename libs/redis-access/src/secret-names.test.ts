import { expect, it } from 'vitest';
import { redisSecretNamesFlag } from './secret-names.ts';

const { parse } = redisSecretNamesFlag;

it.each([
  ['redis-a,redis-b', ['redis-a', 'redis-b']],
  [' redis-a , redis.b,, redis-a', ['redis-a', 'redis.b']],
  ['', []],
  ['a'.repeat(253), ['a'.repeat(253)]],
])('the list "%.30s" names each Secret once', (list, names) => {
  expect(parse(list)).toEqual(names);
});

it.each(['*', 'ns/redis', 'Redis', '-a', 'a.', 'a..b', 'two names', 'a'.repeat(254)])(
  'the name "%.20s", which no Secret can have, is refused and repeated',
  (name) => {
    expect(() => parse(`redis-a,${name}`)).toThrow(`no Secret can be named "${name}"`);
  },
);

it('the default is the Secret that is read when a Queue names none', () => {
  expect(parse(redisSecretNamesFlag.default)).toEqual(['redis-credentials']);
});
