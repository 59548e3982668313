import { expect, test } from 'vitest';
import { FairTurns } from './fair-turns.ts';

const work = (tenant: string, name: string): { tenant: string; name: string } => ({ tenant, name });

// Wall 1: how many queues a tenant has costs no other tenant its turns.
test('tenants have turns, and within one who came first', () => {
  const turns = new FairTurns([
    work('a', 'a1'),
    work('a', 'a2'),
    work('a', 'a3'),
    work('b', 'b1'),
    work('c', 'c1'),
    work('c', 'c2'),
  ]);
  expect([...turns.drain()].map(({ name }) => name)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
  expect(turns.isEmpty).toBe(true);
});

test('who comes back waits behind the others of its tenant, and a tenant behind the other tenants', () => {
  const turns = new FairTurns([work('a', 'a1'), work('a', 'a2'), work('b', 'b1')]);
  const order: string[] = [];
  for (let turn = 0; turn < 6; turn++) {
    const next = turns.next()!;
    order.push(next.name);
    turns.push(next);
  }
  expect(order).toEqual(['a1', 'b1', 'a2', 'b1', 'a1', 'b1']);
});
