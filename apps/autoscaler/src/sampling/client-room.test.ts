import { expect, it } from 'vitest';
import { ClientRoom, type ConnectingPool } from './client-room.ts';
import { StartingClients } from './starting-clients.ts';

const STARTS_WITHIN_MS = 15_000;

/** Of a server that takes a hundred clients, of which ninety are for pods of one queue with four connections each. */
function room(connected: number, starting = new StartingClients(STARTS_WITHIN_MS)) {
  const clients = new ClientRoom('redis:6379', starting);
  clients.reported({ connected, max: 100 });
  return clients;
}

function pool(name: string, { queues = 1, namespace = 'team' } = {}): ConnectingPool {
  const queue = { name: 'q', id: 'q' } as unknown as ConnectingPool['queues'][number];
  return { key: `${namespace}/${name}`, namespace, queues: Array.from({ length: queues }, () => queue) };
}

const [a, b] = [pool('a'), pool('b')];

it('a pool may grow by as many pods as the server has connections for', () => {
  expect(room(10).largestSize(a, 3, 0)).toBe(23);
  expect(room(10).largestSize(pool('a', { queues: 3 }), 3, 0)).toBe(11);
  expect(room(95).largestSize(a, 3, 0)).toBe(3);
});

it('what was decided is granted, and counts against other pools until it shows in what the server reports', () => {
  const clients = room(10);
  for (const each of [a, b]) clients.decided(each, 0, 0);
  clients.decided(a, 15, 1_000);
  expect(clients.largestSize(a, 0, 2_000)).toBe(20);
  expect(clients.largestSize(b, 0, 2_000)).toBe(5);
  clients.decided(a, 15, 2_000);
  expect(clients.largestSize(b, 0, 2_000)).toBe(5);
  clients.reported({ connected: 40, max: 100 });
  expect(clients.largestSize(b, 0, 1_000 + STARTS_WITHIN_MS)).toBe(12);
});

it('what pools of another user of the same server start counts too', () => {
  const starting = new StartingClients(STARTS_WITHIN_MS);
  const [one, other] = [room(10, starting), room(10, starting)];
  one.decided(a, 0, 0);
  one.decided(a, 15, 0);
  expect(other.largestSize(b, 0, 0)).toBe(5);
  expect(starting.on('another:6379', 'team', 0)).toEqual({ own: 0, others: 0 });
});

it('what another namespace has decided on takes half of what is free at most', () => {
  const starting = new StartingClients(STARTS_WITHIN_MS);
  const clients = room(10, starting);
  const [greedy, calm] = [pool('a', { namespace: 'greedy', queues: 32 }), pool('a', { namespace: 'calm' })];
  clients.decided(greedy, 0, 0);
  clients.decided(greedy, 1_000, 0);
  expect(clients.largestSize(calm, 0, 0)).toBe(10);
  expect(clients.largestSize(pool('b', { namespace: 'greedy' }), 0, 0)).toBe(0);
});

it('pods of a user whom the server does not let in start no connections', () => {
  const starting = new StartingClients(STARTS_WITHIN_MS);
  const refused = new ClientRoom('redis:6379', starting);
  refused.decided(a, 0, 0);
  expect(refused.decided(a, 1_000, 0)).toBe(false);
  expect(room(10, starting).largestSize(b, 0, 0)).toBe(20);
});

it('a size that stood before this process began is no growth, and neither is one that shrinks', () => {
  const clients = room(10);
  clients.decided(a, 40, 0);
  clients.decided(a, 20, 0);
  expect(clients.largestSize(b, 0, 0)).toBe(20);
  clients.forget(a.key);
  clients.decided(a, 90, 0);
  expect(clients.largestSize(b, 0, 0)).toBe(20);
});

it('a server that does not say how many it takes limits nobody', () => {
  const clients = room(99);
  clients.reported(undefined);
  expect(clients.largestSize(a, 3, 0)).toBeUndefined();
});
