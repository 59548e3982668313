import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { QueueWakeups } from './wakeups.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

interface Watched {
  readonly wakeups: QueueWakeups;
  /** When each queue woke last, by name. */
  readonly woken: Map<string, number>;
  readonly errors: unknown[];
  /** How often it was said that changes are no longer reported. */
  readonly lost: () => number;
}

async function watching(
  refs: readonly QueueRef[],
  user: { username?: string; password?: string } = {},
): Promise<Watched> {
  const errors: unknown[] = [];
  let lost = 0;
  const wakeups = new QueueWakeups(
    { ...t.target, ...user },
    { clientName: 'rq', onError: (error) => errors.push(error), onLost: () => (lost += 1) },
  );
  onTestFinished(() => wakeups.close());
  const woken = new Map<string, number>();
  await eventually(() => wakeups.live, { description: 'tracking to be on' });
  await Promise.all(refs.map((ref) => wakeups.watch(ref, ({ name }) => woken.set(name, performance.now()))));
  return { wakeups, woken, errors, lost: () => lost };
}

const named = (name: string): QueueRef => ({ prefix: 'bull', name });
const wait = (ref: QueueRef): string => queueKey(ref, 'wait');
const wakes = ({ woken }: Watched, name: string): Promise<number> =>
  eventually(() => woken.get(name), { intervalMs: 5, description: `${name} to wake` });

async function clientId(suffix: string): Promise<string> {
  const list = (await t.redis.client('LIST')) as string;
  return new RegExp(`id=(\\d+) .*name=rq:${suffix} `).exec(list)![1]!;
}

test('a queue wakes whatever characters its name and its prefix have', async () => {
  const ref = { prefix: 'app:{eu}:bull', name: 'send Größe' };
  const watched = await watching([ref]);
  await t.redis.lpush(wait(ref), '1');
  expect(await wakes(watched, ref.name)).toBeGreaterThan(0);
});

test('of 500 queues the one that gets a job wakes at once, and only that one', async () => {
  const refs = Array.from({ length: 500 }, (_, i) => named(`lat-${i}`));
  const watched = await watching(refs);
  const latencies: number[] = [];
  for (const ref of refs.filter((_, i) => i % 10 === 0)) {
    const from = performance.now();
    await t.redis.lpush(wait(ref), '1');
    latencies.push((await wakes(watched, ref.name)) - from);
  }
  expect([...watched.woken.keys()]).toEqual(refs.filter((_, i) => i % 10 === 0).map((ref) => ref.name));
  expect(latencies.toSorted((a, b) => a - b)[25]).toBeLessThan(2_000);
});

test('a waiting, a prioritized and a delayed job wake, again and again, and so does a resume', async () => {
  const ref = named('kinds');
  const queue = t.producer(ref);
  await queue.waitUntilReady();
  const watched = await watching([ref]);
  const acts = [
    () => queue.add('j', {}),
    () => queue.add('j', {}, { priority: 2 }),
    () => queue.add('j', {}, { delay: 60_000 }),
    () => queue.pause(),
    () => queue.resume(),
    () => queue.add('j', {}),
  ];
  for (const act of acts) {
    watched.woken.clear();
    await act();
    expect(await wakes(watched, 'kinds')).toBeGreaterThan(0);
  }
});

test('a queue that has jobs when it is watched says so, since only later changes wake', async () => {
  const ref = named('early');
  const { wakeups } = await watching([]);
  expect(await wakeups.watch(ref, () => {})).toEqual({ waiting: 0, prioritized: 0, delayed: 0, paused: false });
  await t.redis.lpush(wait(ref), '1', '2');
  expect(await wakeups.watch(ref, () => {})).toMatchObject({ waiting: 2 });
});

test.each(['wakeups', 'armer'])(
  'after the connection "%s" was cut, which is said once, everybody is woken and later jobs wake',
  async (role) => {
    const ref = named(`cut-${role}`);
    const watched = await watching([ref]);
    await t.redis.client('KILL', 'ID', await clientId(role));
    await wakes(watched, ref.name);
    await eventually(() => watched.wakeups.live);
    expect(watched.lost()).toBe(1);
    watched.woken.clear();
    await t.redis.lpush(wait(ref), '1');
    expect(await wakes(watched, ref.name)).toBeGreaterThan(0);
  },
);

test('after FLUSHALL everybody is woken, and later jobs wake', async () => {
  const refs = [named('flush-a'), named('flush-b')];
  const watched = await watching(refs);
  await t.redis.flushall();
  for (const ref of refs) await wakes(watched, ref.name);
  watched.woken.clear();
  await t.redis.lpush(wait(refs[1]!), '1');
  await wakes(watched, 'flush-b');
  expect(watched.woken.has('flush-a')).toBe(false);
});

test('after a restart of Redis, without its scripts, later jobs wake', async () => {
  const ref = named('restart');
  const watched = await watching([ref]);
  await t.server.restart();
  await wakes(watched, ref.name);
  await eventually(() => watched.wakeups.live);
  watched.woken.clear();
  await t.redis.lpush(wait(ref), '1');
  expect(await wakes(watched, ref.name)).toBeGreaterThan(0);
});

test('a queue that is no longer watched does not wake', async () => {
  const [followed, dropped] = [named('followed'), named('dropped')];
  const watched = await watching([followed, dropped]);
  watched.wakeups.unwatch(dropped);
  await t.redis.lpush(wait(dropped), '1');
  await t.redis.lpush(wait(followed), '1');
  await wakes(watched, 'followed');
  expect(watched.woken.has('dropped')).toBe(false);
  expect(watched.wakeups.size).toBe(1);
});

test('a user with just the ACL of the docs wakes', async () => {
  await t.redis.call('ACL', 'SETUSER', 'reader', 'reset', 'on', '>pw', ...ACL_RULES.reader.split(' '));
  const ref = named('acl');
  const watched = await watching([ref], { username: 'reader', password: 'pw' });
  await t.redis.lpush(wait(ref), '1');
  await wakes(watched, 'acl');
  expect(watched.errors).toEqual([]);
  const reader = new Redis({ ...t.target, username: 'reader', password: 'pw' });
  await expect(reader.lpush(wait(ref), '2')).rejects.toThrow(/NOPERM/);
  await expect(reader.subscribe('other')).rejects.toThrow(/NOPERM/);
  reader.disconnect();
});

test('a callback that throws stops nobody else', async () => {
  const { wakeups, errors } = await watching([]);
  await wakeups.watch(named('throws'), () => {
    throw new Error('mine');
  });
  await t.redis.lpush('bull:throws:wait', '1');
  await eventually(() => errors.length > 0);
  expect(wakeups.live).toBe(true);
});

// Wall 3: a queue that may not be read costs no other queue its wake-ups.
test('a queue that the user may not read is not armed, and all others are', async () => {
  const rules = ACL_RULES.reader.replace('%R~bull:*', '%R~bull:allowed*').split(' ');
  await t.redis.call('ACL', 'SETUSER', 'some', 'reset', 'on', '>pw', ...rules);
  const { wakeups, errors } = await watching([], { username: 'some', password: 'pw' });
  const names = Array.from({ length: 30 }, (_, n) => (n === 7 ? 'secret' : `allowed-${n}`));
  const armed = await Promise.all(names.map((name) => wakeups.watch(named(name), () => {})));
  expect(armed.flatMap((found, n) => (found === undefined ? [n] : []))).toEqual([7]);
  expect(String(errors)).toContain('key');
});
