import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { WorkQueue } from './work-queue.ts';

let clock: FakeClock;
let queue: WorkQueue;
beforeEach(() => {
  clock = new FakeClock();
  queue = new WorkQueue({ clock });
});

async function takeAll(count = queue.size): Promise<string[]> {
  const keys: string[] = [];
  for (let index = 0; index < count; index++) {
    const key = (await queue.take()) as string;
    keys.push(key);
    queue.done(key);
  }
  return keys;
}

describe('deduplication', () => {
  it('hands a key out once, however often it was added', async () => {
    for (const key of ['a', 'a', 'b', 'a']) queue.add(key);
    expect(await takeAll()).toEqual(['a', 'b']);
    expect(queue.size).toBe(0);
  });

  it('never hands a key out while it is being worked on, and once more afterwards if it was added meanwhile', async () => {
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.add('a');
    expect(queue.size).toBe(0);
    queue.done('a');
    expect(await takeAll()).toEqual(['a']);
    expect(queue.size).toBe(0);
  });

  it('gives a key directly to a worker that waits for one', async () => {
    const waiting = queue.take();
    queue.add('a');
    expect(await waiting).toBe('a');
  });
});

describe('order', () => {
  it('is first come, first served within a priority', async () => {
    for (const key of ['c', 'a', 'b']) queue.add(key);
    expect(await takeAll()).toEqual(['c', 'a', 'b']);
  });

  it('puts higher priorities first, and a key at the highest it was added with', async () => {
    queue.add('resync-1', { priority: -100 });
    queue.add('resync-2', { priority: -100 });
    queue.add('changed');
    queue.add('resync-2');
    expect(await takeAll()).toEqual(['changed', 'resync-2', 'resync-1']);
  });

  it('keeps the priority of an addition made while the key was worked on', async () => {
    queue.add('a');
    await queue.take();
    queue.add('a', { priority: -100 });
    queue.add('b');
    queue.done('a');
    expect(await takeAll()).toEqual(['b', 'a']);
  });
});

/** `namespace/server/name` uses the shares of its namespace and server. */
const sharesOf = (key: string): string[] => key.split('/').slice(0, -1);

describe('shares', () => {
  it('a namespace whose work hangs leaves room for another, and a server of it for its others', async () => {
    queue = new WorkQueue({ clock, capacity: 16, sharesOf });
    const taken: string[] = [];
    const workers = Array.from({ length: 16 }, async () => {
      const key = await queue.take();
      if (key !== undefined) taken.push(key);
    });
    for (let index = 0; index < 100; index++) queue.add(`hostile/hung/${index}`);
    queue.add('hostile/other/1');
    queue.add('good/fast/1');
    queue.close();
    await Promise.all(workers);
    const hung = [0, 1, 2, 3].map((index) => `hostile/hung/${index}`);
    expect(taken).toEqual([...hung, 'hostile/other/1', 'good/fast/1']);
    expect(queue.waiting(0)).toHaveLength(96);
  });

  it('a namespace whose work hangs leaves room for another at the server of both', async () => {
    queue = new WorkQueue({ clock, capacity: 128, sharesOf });
    for (let index = 0; index < 100; index++) queue.add(`hostile/redis/${index}`);
    const taken: (string | undefined)[] = [];
    const takers = Array.from({ length: 30 }, async () => void taken.push(await queue.take()));
    queue.add('good/redis/1');
    queue.close();
    await Promise.all(takers);
    expect(taken).toContain('good/redis/1');
    expect(taken.filter((key) => key?.startsWith('hostile'))).toHaveLength(26);
  });

  it('a worker that waits for a key is served when one of its share ends', async () => {
    queue = new WorkQueue({ clock, capacity: 2, sharesOf });
    queue.add('a/1');
    queue.add('a/2');
    const first = (await queue.take()) as string;
    const waiting = queue.take();
    expect(queue.waiting(0)).toEqual([{ key: 'a/2', usedUp: 'a' }]);
    queue.done(first);
    expect(await waiting).toBe('a/2');
  });

  it('a change is next, however many keys of one other namespace and however many of its servers are due', async () => {
    queue = new WorkQueue({ clock, capacity: 1, sharesOf });
    for (let index = 0; index < 400; index++) queue.add(`hostile/server-${index % 200}/${index}`);
    await takeAll(7);
    queue.add('good/fast/1');
    expect(await takeAll(2)).toContain('good/fast/1');
  });

  it('a key that changes its share while it is worked on gives back the one that it had', async () => {
    let share = 'old';
    queue = new WorkQueue({ clock, capacity: 2, sharesOf: () => [share] });
    queue.add('a');
    await queue.take();
    share = 'new';
    queue.add('a');
    queue.done('a');
    share = 'old';
    queue.add('b');
    expect(await takeAll(2)).toEqual(['a', 'b']);
  });
});

describe('ageing', () => {
  it('serves a resync of 100 keys to its end under changes that never cease', async () => {
    for (let index = 0; index < 100; index++) queue.add(`resync-${index}`, { priority: -100 });
    const served = new Set<string>();
    for (let turn = 0; turn < 700; turn++) {
      queue.add(`change-${turn}`);
      const key = (await queue.take()) as string;
      queue.done(key);
      served.add(key);
      clock.advance(10);
    }
    expect([...served].filter((key) => key.startsWith('resync'))).toHaveLength(100);
  });

  it('lets a change wait for at most one key of an old resync', async () => {
    for (let index = 0; index < 1000; index++) queue.add(`resync-${index}`, { priority: -100 });
    clock.advance(60_000);
    for (let turn = 0; turn < 50; turn++) {
      await takeAll(1);
      queue.add(`change-${turn}`);
      expect(await takeAll(2)).toContain(`change-${turn}`);
    }
  });

  it('does not let keys of low priority go first before they have waited a second', async () => {
    queue.add('resync', { priority: -100 });
    for (let index = 0; index < 20; index++) queue.add(`change-${index}`);
    clock.advance(900);
    expect((await takeAll()).at(-1)).toBe('resync');
  });
});

describe('delays', () => {
  it('holds a key back until its time', async () => {
    queue.add('a', { afterMs: 100 });
    clock.advance(99);
    expect(queue.size).toBe(0);
    clock.advance(1);
    expect(await takeAll()).toEqual(['a']);
  });

  it('takes the earliest of several times', async () => {
    queue.add('a', { afterMs: 5_000 });
    queue.add('a', { afterMs: 1_000 });
    queue.add('a', { afterMs: 9_000 });
    clock.advance(1_000);
    expect(await takeAll()).toEqual(['a']);
    clock.advance(60_000);
    expect(queue.size).toBe(0);
  });

  it('an immediate addition replaces a delayed one', async () => {
    queue.add('a', { afterMs: 5_000 });
    queue.add('a');
    expect(await takeAll()).toEqual(['a']);
    clock.advance(10_000);
    expect(queue.size).toBe(0);
  });

  it('sets no timer beyond what Node can count, and still waits for all of it', async () => {
    const month = 30 * 24 * 3_600_000;
    queue.add('a', { afterMs: month });
    expect(clock.nextTimerAt).toBeLessThan(2 ** 31);
    clock.advance(month - 1);
    expect(queue.size).toBe(0);
    clock.advance(1);
    expect(await takeAll()).toEqual(['a']);
  });
});

describe('back-off', () => {
  it('doubles from 5 ms to 1000 s and starts over when forgotten', async () => {
    const delays: number[] = [];
    for (let failure = 0; failure < 20; failure++) {
      queue.addRateLimited('a');
      const before = clock.now();
      clock.advance((clock.nextTimerAt ?? 0) - before);
      delays.push(clock.now() - before);
      await takeAll();
    }
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.at(-1)).toBe(1_000_000);
    queue.forget('a');
    queue.addRateLimited('a');
    expect((clock.nextTimerAt ?? 0) - clock.now()).toBe(5);
  });

  it('ends at the longest that it is given', async () => {
    const capped = new WorkQueue({ clock, maxBackoffMs: 10_000 });
    const delays: number[] = [];
    for (let failure = 0; failure < 14; failure++) {
      capped.addRateLimited('a');
      const before = clock.now();
      clock.advance((clock.nextTimerAt ?? 0) - before);
      delays.push(clock.now() - before);
      capped.done((await capped.take()) as string);
    }
    expect(delays.slice(9)).toEqual([2_560, 5_120, 10_000, 10_000, 10_000]);
  });

  it.each([
    ['a try that ends at once', 0, 2_560],
    ['a try that takes part of it', 1_000, 1_560],
    ['a try that takes longer, after which it still breathes', 8_000, 1_000],
  ])('counts from the beginning of the try: %s', async (_, lastedMs, expected) => {
    const delays: number[] = [];
    for (let failure = 0; failure < 10; failure++) {
      queue.addRateLimited('a', { lastedMs });
      const before = clock.now();
      clock.advance((clock.nextTimerAt ?? 0) - before);
      delays.push(clock.now() - before);
      await takeAll();
    }
    expect(delays.at(-1)).toBe(expected);
  });

  it('of one key does not delay another', async () => {
    for (let failure = 0; failure < 10; failure++) queue.addRateLimited('bad');
    queue.add('good');
    expect(await takeAll()).toEqual(['good']);
  });
});

it('releases every waiting worker when closed, and accepts nothing more', async () => {
  const waiting = [queue.take(), queue.take()];
  queue.close();
  queue.add('late');
  expect(await Promise.all([...waiting, queue.take()])).toEqual([undefined, undefined, undefined]);
});
