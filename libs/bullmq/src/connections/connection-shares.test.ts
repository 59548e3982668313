import { beforeEach, expect, it } from 'vitest';
import { ConnectionShares, type ConnectionLease } from './connection-shares.ts';

// Wall 1: connections are bounded per namespace, per server and in all, and who has few keeps them.

let shares: ConnectionShares;
let nowMs = 0;
beforeEach(() => {
  nowMs = 0;
  shares = new ConnectionShares({ total: 12, perServer: 6, perNamespace: 4 });
});

/** Opens, or uses, a connection. @returns what had to be closed; undefined: there was no room */
function use(key: string, namespace: string, server = key): { closed: string[] | undefined; lease?: ConnectionLease } {
  const { lease, close } = shares.begin(key, { namespace, server }, nowMs++);
  return { closed: lease ? close : undefined, ...(lease && { lease }) };
}

/** The same, and it is idle again. */
function once(key: string, namespace: string, server = key): string[] | undefined {
  const { lease, closed } = use(key, namespace, server);
  lease?.end();
  return closed;
}

it('a namespace over its share reuses its own, the least recently used first', () => {
  for (const key of ['a', 'b', 'c', 'd']) expect(once(key, 'bad')).toEqual([]);
  once('a', 'bad');
  expect([once('e', 'bad'), once('f', 'bad')]).toEqual([['b'], ['c']]);
  expect(shares.size).toBe(4);
});

it('a namespace all of whose connections are in use has no room, and others have', () => {
  const leases = ['a', 'b', 'c', 'd'].map((key) => use(key, 'bad').lease!);
  expect(use('e', 'bad').closed).toBeUndefined();
  expect(use('a', 'bad').closed).toEqual([]);
  expect(once('x', 'good')).toEqual([]);
  leases[1]!.end();
  expect(use('e', 'bad').closed).toEqual(['b']);
});

it('when all are open, the namespace that has the most makes room, and nobody for who has as many', () => {
  for (const key of ['a', 'b', 'c', 'd']) once(key, 'bad');
  for (let i = 0; i < 8; i++) once(`g${i}`, `good-${i}`);
  expect(once('new', 'newcomer')).toEqual(['a']);
  // The others of the bad one are in use: it takes nobody's.
  for (const key of ['b', 'c', 'd']) use(key, 'bad');
  expect(once('e', 'bad')).toBeUndefined();
  expect(once('last', 'latecomer')).toEqual(['g0']);
  expect(shares.size).toBe(12);
});

it('a server that has as many as it may makes room by its own, of whoever has the most', () => {
  once('quiet', 'good', 'shared');
  for (const key of ['a', 'b', 'c']) once(key, 'bad', 'shared');
  for (const key of ['d', 'e']) once(key, 'worse', 'shared');
  expect(once('f', 'newcomer', 'shared')).toEqual(['a']);
  expect(once('elsewhere', 'newcomer')).toEqual([]);
});

it('one that several namespaces use counts for the one that has the fewest', () => {
  once('shared', 'bad');
  for (const key of ['a', 'b', 'c']) once(key, 'bad');
  once('shared', 'good');
  expect([once('d', 'bad'), once('e', 'bad')]).toEqual([[], ['a']]);
  expect(once('shared', 'good')).toEqual([]);
});

it('one that was closed meanwhile gives its place back once, whoever still used it', () => {
  const { lease } = use('a', 'bad');
  shares.closed('a');
  expect(shares.size).toBe(0);
  use('a', 'bad');
  lease!.end();
  for (const key of ['b', 'c', 'd']) use(key, 'bad');
  expect(use('e', 'bad').closed).toBeUndefined();
});

it('one that was opened lately is kept, where that is asked for', () => {
  shares = new ConnectionShares({ total: 12, perServer: 6, perNamespace: 1, keepMs: 100 });
  once('a', 'bad');
  expect(once('b', 'bad')).toBeUndefined();
  nowMs = 100;
  expect(once('b', 'bad')).toEqual(['a']);
  shares = new ConnectionShares({ total: 3, perServer: 6, perNamespace: 3, keepMs: 100 });
  for (const key of ['a', 'b', 'c']) once(key, 'bad');
  expect([once('x', 'good'), once('y', 'good')]).toEqual([['a'], undefined]);
});

it('a client that turns out to hold many connections makes room by others of its namespace', () => {
  for (const key of ['a', 'b', 'c']) once(key, 'bad');
  once('g', 'good');
  expect(shares.weigh('c', 3, nowMs)).toEqual(['a']);
  expect(shares.size).toBe(5);
  // No client counts as more than a namespace may have: it has one in any case.
  expect(shares.weigh('c', 500, nowMs)).toEqual(['b']);
  expect(shares.size).toBe(5);
  expect(once('d', 'bad')).toEqual(['c']);
  expect(shares.weigh('c', 500, nowMs)).toEqual([]);
  expect(shares.size).toBe(2);
});

it('one that outweighs the share of its namespace is closed although in use, and no other', () => {
  shares = new ConnectionShares({ total: 512, perServer: 128, perNamespace: 64 });
  for (let i = 0; i < 40; i++) once(`good-${i}`, `good-${i}`);
  const closed = Array.from({ length: 8 }, (_, i) => {
    const { lease } = shares.begin(`cluster-${i}`, { namespace: 'bad', server: `c${i}`, weight: 8 }, nowMs++);
    return lease ? shares.weigh(`cluster-${i}`, 63, nowMs) : ['refused'];
  });
  expect(closed).toEqual([[], ...Array.from({ length: 7 }, () => ['refused'])]);
  expect(shares.size).toBe(40 + 63);

  shares = new ConnectionShares({ total: 512, perServer: 128, perNamespace: 64 });
  const leases = Array.from({ length: 8 }, (_, i) =>
    shares.begin(`cluster-${i}`, { namespace: 'bad', server: `c${i}`, weight: 8 }, nowMs++),
  );
  expect(leases.map(({ lease, close }) => [lease !== undefined, close])).toEqual(leases.map(() => [true, []]));
  // The first one says what it has when the others are in use: it goes, and its place with it.
  expect(shares.weigh('cluster-0', 63, nowMs)).toEqual(['cluster-0']);
  expect(shares.size).toBe(56);
  // In use or not, one that fits stays.
  expect(shares.weigh('cluster-1', 2, nowMs)).toEqual([]);
  expect(shares.size).toBe(50);
});

it('one that says again what it holds was not used again', () => {
  for (const key of ['a', 'b', 'c', 'd']) once(key, 'bad');
  expect(shares.weigh('a', 1, nowMs)).toEqual([]);
  expect(once('e', 'bad')).toEqual(['a']);
});

it('one that outweighs what is left in all is closed, and nobody who has fewer', () => {
  for (let i = 0; i < 10; i++) once(`g${i}`, `good-${i}`);
  use('c', 'bad');
  expect(shares.weigh('c', 4, nowMs)).toEqual(['c']);
  expect(shares.size).toBe(10);
});

it('nothing is closed for one that has no room all the same', () => {
  shares = new ConnectionShares({ total: 8, perServer: 8, perNamespace: 6 });
  const heavy = (): ReturnType<ConnectionShares['begin']> =>
    shares.begin('cluster', { namespace: 'new', server: 's', weight: 5 }, nowMs++);
  for (const key of ['a', 'b', 'c']) use(key, 'busy');
  for (const key of ['d', 'e']) use(key, 'other');
  for (const key of ['f', 'g']) once(key, 'other');
  expect(heavy()).toEqual({ close: [] });
  expect(shares.size).toBe(7);
  expect(shares.weigh('a', 6, nowMs)).toEqual(['a']);
  shares.closed('b');
  // Those that were spared are there, and make room where they are enough.
  expect(heavy()).toEqual({ lease: expect.anything() as ConnectionLease, close: ['f', 'g'] });
  expect(shares.size).toBe(8);
});

it('800 targets of one tenant take nothing from 50 others, whatever is in use', () => {
  shares = new ConnectionShares({ total: 100, perServer: 100, perNamespace: 64 });
  const closed: string[] = [];
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 800; i++) {
      const { lease, closed: keys = [] } = use(`bad-${i}`, 'bad');
      if (i % 3 > 0) lease?.end();
      closed.push(...keys);
    }
    for (let i = 0; i < 50; i++) expect(once(`good-${i}`, `good-${i}`)).toBeDefined();
  }
  expect(closed.filter((key) => key.startsWith('good'))).toEqual([]);
  expect(shares.size).toBeLessThanOrEqual(100);
});
