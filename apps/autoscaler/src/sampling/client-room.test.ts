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
  expect(room(10).largestSize(a, { replicas: 3 }, 0)).toBe(23);
  expect(room(10).largestSize(pool('a', { queues: 3 }), { replicas: 3 }, 0)).toBe(11);
  expect(room(95).largestSize(a, { replicas: 3 }, 0)).toBe(3);
});

it('what was decided is granted, and counts against other pools until it shows in what the server reports', () => {
  const clients = room(10);
  for (const each of [a, b]) clients.decided(each, 0, 0);
  clients.decided(a, 15, 1_000);
  expect(clients.largestSize(a, { replicas: 0 }, 2_000)).toBe(20);
  expect(clients.largestSize(b, { replicas: 0 }, 2_000)).toBe(5);
  clients.decided(a, 15, 2_000);
  expect(clients.largestSize(b, { replicas: 0 }, 2_000)).toBe(5);
  clients.reported({ connected: 40, max: 100 });
  expect(clients.largestSize(b, { replicas: 0 }, 1_000 + STARTS_WITHIN_MS)).toBe(12);
});

it('what pools of another user of the same server start counts too', () => {
  const starting = new StartingClients(STARTS_WITHIN_MS);
  const [one, other] = [room(10, starting), room(10, starting)];
  one.decided(a, 0, 0);
  one.decided(a, 15, 0);
  expect(other.largestSize(b, { replicas: 0 }, 0)).toBe(5);
  expect(starting.on('another:6379', 'team', 0)).toEqual({ all: 0, own: 0, isAlone: true });
});

it('namespaces that grow at once order no more together than the server takes, and each has its part', () => {
  const starting = new StartingClients(STARTS_WITHIN_MS);
  const clients = new ClientRoom('redis:6379', starting);
  clients.reported({ connected: 100, max: 10_000 });
  const pools = Array.from({ length: 10 }, (_, i) => pool('a', { namespace: `n${i}` }));
  for (const each of pools) clients.largestSize(each, { replicas: 0 }, 0);
  const sizes = new Map(pools.map((each) => [each, 0]));
  for (const each of pools) {
    const size = clients.largestSize(each, { replicas: 0 }, 0)!;
    clients.decided(each, size, 0);
    sizes.set(each, size);
  }
  const ordered = [...sizes.values()].reduce((sum, size) => sum + 4 * size, 0);
  expect(ordered).toBeLessThanOrEqual(8_900);
  expect(ordered).toBeGreaterThan(8_000);
  expect(Math.min(...sizes.values())).toBeGreaterThan(0);
});

it('what another namespace has ordered is never all that is left, also where it has ordered more than its part', () => {
  const starting = new StartingClients(STARTS_WITHIN_MS);
  const clients = room(10, starting);
  const [greedy, calm] = [pool('a', { namespace: 'greedy' }), pool('a', { namespace: 'calm' })];
  clients.decided(calm, 0, 0);
  clients.decided(greedy, 0, 0);
  // As by minReplicas. Half of it counts, before it connects.
  clients.decided(greedy, 1_000, 0);
  expect(clients.largestSize(pool('b', { namespace: 'greedy' }), { replicas: 0 }, 0)).toBe(0);
  expect(clients.largestSize(calm, { replicas: 0 }, 0)).toBe(5);
});

it('pods count until they are ready, however long they start, and a moment more', () => {
  const clients = room(10);
  const grow = (replicas: number, ready: number, nowMs: number): number =>
    clients.largestSize(a, { replicas, ready }, nowMs)!;
  clients.decided(a, 0, 0);
  clients.decided(a, grow(0, 0, 0), 0);
  // An image is pulled, a node comes: nothing connects for two minutes.
  for (let second = 1; second <= 120; second++) expect(grow(20, 0, second * 1_000)).toBe(20);
  expect(clients.largestSize(b, { replicas: 0 }, 120_000)).toBe(0);
  // Half of them are ready; then their connections are reported.
  expect(grow(20, 10, 121_000)).toBe(20);
  clients.reported({ connected: 30, max: 100 });
  expect(grow(20, 10, 127_000)).toBe(25);
  expect(grow(20, 20, 128_000)).toBe(25);
  expect(grow(20, 20, 134_000)).toBe(35);
});

it('a pool that is gone, or connects elsewhere, leaves the server to the others', () => {
  const starting = new StartingClients(STARTS_WITHIN_MS);
  const clients = room(10, starting);
  const other = pool('a', { namespace: 'other' });
  clients.decided(other, 0, 0);
  clients.decided(other, 10, 0);
  expect(clients.largestSize(a, { replicas: 0 }, 0)).toBe(5);
  clients.forget(other.key);
  expect(clients.largestSize(a, { replicas: 0 }, 0)).toBe(20);
});

it('pods of a user whom the server does not let in start no connections', () => {
  const starting = new StartingClients(STARTS_WITHIN_MS);
  const refused = new ClientRoom('redis:6379', starting);
  refused.decided(a, 0, 0);
  expect(refused.decided(a, 1_000, 0)).toBe(false);
  expect(room(10, starting).largestSize(b, { replicas: 0 }, 0)).toBe(20);
});

it('a size that stood before this process began is no growth, and neither is one that shrinks', () => {
  const clients = room(10);
  clients.decided(a, 40, 0);
  clients.decided(a, 20, 0);
  expect(clients.largestSize(b, { replicas: 0 }, 0)).toBe(20);
  clients.forget(a.key);
  clients.decided(a, 90, 0);
  expect(clients.largestSize(b, { replicas: 0 }, 0)).toBe(20);
});

it('a server that does not say how many it takes limits nobody', () => {
  const clients = room(99);
  clients.reported(undefined);
  expect(clients.largestSize(a, { replicas: 3 }, 0)).toBeUndefined();
});
