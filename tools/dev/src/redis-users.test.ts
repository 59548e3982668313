import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { redisUsers, setUserCommand } from './redis-users.ts';

const page = readFileSync(new URL('../../../docs/redis-users.md', import.meta.url), 'utf8').replaceAll(' \\\n  ', ' ');

it.each(redisUsers('bull').map((user) => [user.name, user] as const))('the docs have the user %s', (name, user) => {
  expect(page).toContain(setUserCommand(user));
  expect(page.split('\n').some((line) => line.includes(`\`${name}\``) && line.includes(user.usedBy))).toBe(true);
});

it.each(redisUsers('bull'))('$name keeps no right and no password from before', (user) => {
  expect(setUserCommand(user)).toBe(`ACL SETUSER ${user.name} reset on >PASSWORD resetchannels ${user.rules}`);
});

it('every user of queues is confined to the prefix that is asked for', () => {
  const rules = redisUsers('shop:eu').map(({ rules: each }) => each.split(' ')[0]);
  expect(rules).toEqual([
    '~shop:eu:*',
    '%R~shop:eu:*',
    '~shop:eu:*',
    '%R~shop:eu:*',
    '~shop:eu:*',
    '~shop:eu:*',
    '~redis-queue:*',
  ]);
});
