import { expect, it } from 'vitest';
import { FairPool } from './fair-pool.ts';

const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** A pool, the tasks that have begun in it, and how to end one. */
function stage(capacity: number) {
  const pool = new FairPool(capacity);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    pool,
    begun,
    add: (name: string, tenant: string, last = false) =>
      pool.run({
        path: [tenant, name],
        last,
        run: () => {
          begun.push(name);
          return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
        },
      }),
    end: async (name: string) => {
      ends.get(name)!();
      await settled();
    },
  };
}

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

it('a tenant with 800 tasks that hang leaves room for 50 others', async () => {
  const { add, begun, end } = stage(32);
  const bad = names('bad', 800);
  for (const name of bad) void add(name, 'bad');
  await settled();
  const hanging = begun.length;
  expect(hanging).toBeLessThanOrEqual(11);
  const good = names('good', 50);
  const results = good.map((name) => add(name, name));
  await settled();
  // oxlint-disable-next-line no-await-in-loop -- each makes room for the next
  for (const name of good) await end(name);
  expect(await Promise.all(results)).toEqual(good.map((result) => ({ result })));
  expect(begun.filter((name) => name.startsWith('bad'))).toHaveLength(hanging);
});

it('what is known to take long begins after all else', async () => {
  const { add, begun, end } = stage(1);
  void add('running', 'a');
  await settled();
  void add('slow', 'b', true);
  for (const name of ['quick', 'quicker']) void add(name, name);
  for (const name of ['running', 'quick', 'quicker']) await end(name);
  expect(begun).toEqual(['running', 'quick', 'quicker', 'slow']);
});

it('what has not begun can be given up, and the rest goes on', async () => {
  const { pool, add, begun, end } = stage(1);
  const running = add('running', 'a');
  const waiting = [add('b', 'b'), add('c', 'c', true)];
  await settled();
  pool.giveUpWaiting();
  expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  await end('running');
  expect(await running).toEqual({ result: 'running' });
  void add('next', 'b');
  await settled();
  expect(begun).toEqual(['running', 'next']);
});

it('of some tasks what has not begun can be given up, and what others wait for has its turn', async () => {
  const { pool, add, begun, end } = stage(1);
  void add('running', 'a');
  const task = { path: ['b', 'b'], last: false, run: () => Promise.resolve(begun.push('given up')) } as const;
  const given = pool.runAll([task]);
  void add('stays', 'c');
  await settled();
  pool.giveUpWaiting([task]);
  expect(await Promise.all(given)).toEqual([undefined]);
  await end('running');
  expect(begun).toEqual(['running', 'stays']);
});

it('one that throws makes room as well', async () => {
  const { pool, add, begun } = stage(1);
  const failing = pool.run({ path: ['a', 'a'], last: false, run: () => Promise.reject(new Error('no')) });
  void add('next', 'b');
  await expect(failing).rejects.toThrow('no');
  await settled();
  expect(begun).toEqual(['next']);
});

it('of what is asked for in one go, what is known to take long begins last, wherever it stands', async () => {
  const begun: string[] = [];
  const task = (name: string, last: boolean) => ({
    path: [name, name] as const,
    last,
    run: () => Promise.resolve(begun.push(name)),
  });
  const results = await Promise.all(new FairPool(1).runAll([task('slow', true), task('quick', false)]));
  expect(begun).toEqual(['quick', 'slow']);
  expect(results).toEqual([{ result: 2 }, { result: 1 }]);
});
