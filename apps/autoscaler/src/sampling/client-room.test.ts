import { expect, it } from 'vitest';
import { ClientRoom } from './client-room.ts';
import { StartingClients } from './starting-clients.ts';

const STARTS_WITHIN_MS = 15_000;

/** Of a server that takes a hundred clients, of which ninety are for pods of one queue with four connections each. */
function room(connected: number, starting = new StartingClients(STARTS_WITHIN_MS)) {
  const clients = new ClientRoom('redis:6379', starting);
  clients.reported({ connected, max: 100 });
  return clients;
}

it('a pool may grow by as many pods as the server has connections for', () => {
  expect(room(10).largestSize('a', 3, 1, 0)).toBe(23);
  expect(room(10).largestSize('a', 3, 3, 0)).toBe(11);
  expect(room(95).largestSize('a', 3, 1, 0)).toBe(3);
});

it('what was decided is granted, and counts against other pools until it shows in what the server reports', () => {
  const clients = room(10);
  for (const pool of ['a', 'b']) clients.decided(pool, 0, 1, 0);
  clients.decided('a', 15, 1, 1_000);
  expect(clients.largestSize('a', 0, 1, 2_000)).toBe(20);
  expect(clients.largestSize('b', 0, 1, 2_000)).toBe(5);
  clients.decided('a', 15, 1, 2_000);
  expect(clients.largestSize('b', 0, 1, 2_000)).toBe(5);
  clients.reported({ connected: 40, max: 100 });
  expect(clients.largestSize('b', 0, 1, 1_000 + STARTS_WITHIN_MS)).toBe(12);
});

it('what pools of another user of the same server start counts too', () => {
  const starting = new StartingClients(STARTS_WITHIN_MS);
  const [one, other] = [room(10, starting), room(10, starting)];
  one.decided('a', 0, 1, 0);
  one.decided('a', 15, 1, 0);
  expect(other.largestSize('b', 0, 1, 0)).toBe(5);
  expect(starting.on('another:6379', 0)).toBe(0);
});

it('a size that stood before this process began is no growth, and neither is one that shrinks', () => {
  const clients = room(10);
  clients.decided('a', 40, 1, 0);
  clients.decided('a', 20, 1, 0);
  expect(clients.largestSize('b', 0, 1, 0)).toBe(20);
  clients.forget('a');
  clients.decided('a', 90, 1, 0);
  expect(clients.largestSize('b', 0, 1, 0)).toBe(20);
});

it('a server that does not say how many it takes limits nobody', () => {
  const clients = room(99);
  clients.reported(undefined);
  expect(clients.largestSize('a', 3, 1, 0)).toBeUndefined();
});
