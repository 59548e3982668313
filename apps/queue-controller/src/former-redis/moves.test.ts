import type { QueueStatus } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { ADOPTED_AT, NOW, queueObject } from '../testing/queues.ts';
import { eventsOf, leftBehind } from './notices.ts';
import { adoptionTime, forgottenRedis, formerRedisOf, isOlderThanMove, MAX_FORMER_REDIS } from './moves.ts';

const at = (redisAddress: string, rest: QueueStatus = {}): QueueStatus => ({
  adoptedAt: ADOPTED_AT,
  effective: { name: 'emails', prefix: 'bull', redisAddress },
  ...rest,
});
const left = (...addresses: string[]) => addresses.map((address) => ({ address, since: ADOPTED_AT }));
const found = (address?: string, ...released: string[]) => ({ address, released: new Set(released) });
const since = NOW.toISOString();

/** What is noted of two Redis servers when the annotation says this. */
function afterForgetting(text: string): string[] {
  const annotations = { 'redis-queue.io/forget-former-redis': text };
  const queue = queueObject({}, { annotations }, at('c:1', { formerRedis: left('a:1', 'b:1') }));
  return formerRedisOf(queue, found('c:1'), NOW).map(({ address }) => address);
}

it('a Queue that goes says where it leaves what it managed, and how to have that cleared', () => {
  expect(leftBehind(queueObject({}, {}, at('c:1')))).toBeUndefined();
  expect(leftBehind(queueObject({}, {}, at('c:1', { formerRedis: left('a:1', 'b:1') })))).toEqual({
    reason: 'FormerRedisHeld',
    message: expect.stringMatching(
      /has left a:1, b:1, where its owner mark .* create a Queue emails here again/,
    ) as string,
  });
});

describe('where a queue was before', () => {
  it.each<[string, QueueStatus, ReturnType<typeof found>, unknown]>([
    ['is noted when its Secret leads elsewhere', at('a:1'), found('b:1'), [{ address: 'a:1', since }]],
    ['is noted when it is another database', at('a:1'), found('a:1 database 3'), [{ address: 'a:1', since }]],
    ['is nowhere while the address is the same', at('a:1'), found('a:1'), []],
    ['is nowhere when it was never taken over', { effective: at('a:1').effective }, found('b:1'), []],
    ['is not known while nothing can be read', at('a:1'), found(), []],
    [
      'stays noted, the oldest first',
      at('b:1', { formerRedis: left('a:1') }),
      found('c:1'),
      [...left('a:1'), { address: 'b:1', since }],
    ],
    ['is over once it was released', at('b:1', { formerRedis: left('a:1') }), found('b:1', 'a:1'), []],
    ['is over when it moves back', at('b:1', { formerRedis: left('a:1') }), found('a:1'), [{ address: 'b:1', since }]],
  ])('%s', (_, status, facts, expected) => {
    expect(formerRedisOf(queueObject({}, {}, status), facts, NOW)).toEqual(expected);
  });

  it('is left later than it was taken over, also by a leader whose clock was ahead', () => {
    const adoptedAt = new Date(NOW.getTime() + 600_000).toISOString();
    const queue = queueObject({}, {}, { ...at('a:1'), adoptedAt });
    const formerRedis = formerRedisOf(queue, found('b:1'), NOW);
    const listed = queueObject({}, {}, at('b:1', { formerRedis }));
    expect(isOlderThanMove(listed, adoptedAt)).toBe(true);
    expect(isOlderThanMove(listed, adoptionTime(listed, NOW))).toBe(false);
  });

  it('is forgotten by an annotation with its address, and by no other', () => {
    expect([afterForgetting('a:1'), afterForgetting('true')]).toEqual([['b:1'], ['a:1', 'b:1']]);
  });

  it('is not forgotten in the moment of the move, but once the status lists it', () => {
    const annotations = { 'redis-queue.io/forget-former-redis': 'a:1' };
    const queue = queueObject({}, { annotations }, at('a:1'));
    const formerRedis = formerRedisOf(queue, found('b:1'), NOW);
    expect(formerRedis).toEqual([{ address: 'a:1', since }]);
    expect(eventsOf(queue, [], [])).toEqual([]);
    const listed = queueObject({}, { annotations }, at('b:1', { formerRedis }));
    expect(formerRedisOf(listed, found('b:1'), NOW)).toEqual([]);
    expect(eventsOf(listed, [], [])).toMatchObject([{ reason: 'FormerRedisForgotten' }]);
  });

  it('is noted for a few moves only, and the oldest is named when it is forgotten', () => {
    const addresses = Array.from({ length: MAX_FORMER_REDIS }, (_, index) => `r${index}:1`);
    const queue = queueObject({}, {}, at('a:1', { formerRedis: left(...addresses) }));
    expect(formerRedisOf(queue, found('b:1'), NOW).map(({ address }) => address)).toEqual([
      ...addresses.slice(1),
      'a:1',
    ]);
    expect(forgottenRedis(queue, found('b:1'), NOW)).toEqual(left(addresses[0]!));
    expect(forgottenRedis(queue, found('a:1'), NOW)).toEqual([]);
  });
});

describe('the owner mark after a move', () => {
  const moved = queueObject({}, {}, at('b:1', { formerRedis: [{ address: 'a:1', since }] }));

  it('is from before it until it is written anew, also when the clock of the new leader is behind', () => {
    expect(isOlderThanMove(moved, ADOPTED_AT)).toBe(true);
    expect(isOlderThanMove(moved, since)).toBe(true);
    const adoptedAt = adoptionTime(moved, new Date(NOW.getTime() - 60_000));
    expect(isOlderThanMove(moved, adoptedAt)).toBe(false);
  });

  it('is as it was without one', () => {
    const queue = queueObject({}, {}, at('b:1'));
    expect([isOlderThanMove(queue, ADOPTED_AT), adoptionTime(queue, NOW)]).toEqual([false, since]);
  });
});
