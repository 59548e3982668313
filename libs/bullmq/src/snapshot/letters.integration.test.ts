import { afterAll, beforeAll, expect, test } from 'vitest';
import { deadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { redriveStep } from '../dead-letters/dead-letter-redrive.ts';
import { callOn, OPEN_FENCE, putFailed, settle } from '../dead-letters/dead-letters.fixture.ts';
import { compileFilter, type CompiledFilter } from '../dead-letters/filter.ts';
import { queueKey } from '../redis/keys.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { idsOf, takeSnapshot, type Held } from './snapshot.fixture.ts';

// A queue and its dead letters are read one after the other, and jobs go from one to the other meanwhile.

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const LETTERS = 20;
const AT_ONCE = {};
const IN_PAGES = { maxEntriesInOneStep: 0, pageSize: 3 };

test.each([
  { name: 'at-once', way: AT_ONCE, trims: false },
  { name: 'pages', way: IN_PAGES, trims: false },
  { name: 'at-once-without-events', way: AT_ONCE, trims: true },
  { name: 'pages-without-events', way: IN_PAGES, trims: true },
])('a dead letter that is put back between the two is in the backup: $name', async ({ name, way, trims }) => {
  const queue = { prefix: 'bull', name };
  for (let n = 0; n < LETTERS; n++) await putFailed(t.redis, queue, `j${n}`, 1_000 + n);
  expect((await settle(t.redis, queue)).moved).toBe(LETTERS);
  let letters: Held | undefined;
  const own = await takeSnapshot(t.redis, queue, {
    ...way,
    readLetters: async () => {
      const filter = compileFilter({}) as CompiledFilter;
      await redriveStep(callOn(t.redis), queue, { name: 'r', filter, fence: OPEN_FENCE, most: 15 });
      if (trims) await t.redis.xtrim(queueKey(queue, 'events'), 'MAXLEN', 1);
      letters = await takeSnapshot(t.redis, deadLetterQueue(queue), way);
      return undefined;
    },
  });
  expect(letters?.jobs.size).toBe(LETTERS - 15);
  const origins = [...(letters?.jobs.values() ?? [])].map(({ hash }) => hash['redis-queue:origin']);
  expect(new Set([...origins, ...own.jobs.keys()])).toEqual(
    new Set(Array.from({ length: LETTERS }, (_, n) => `j${n}`)),
  );
  expect(idsOf(own, 'waiting')).toHaveLength(15);
});

test.each([
  { name: 'again-at-once', way: AT_ONCE },
  { name: 'again-pages', way: IN_PAGES },
])(
  'one that is put back, runs and dies again before the queue is looked at is in the backup: $name',
  async ({ name, way }) => {
    const queue = { prefix: 'bull', name };
    for (let n = 0; n < LETTERS; n++) await putFailed(t.redis, queue, `j${n}`, 1_000 + n);
    expect((await settle(t.redis, queue)).moved).toBe(LETTERS);
    const done = Promise.withResolvers<void>();
    let letters: Promise<Held> | undefined;
    const own = await takeSnapshot(t.redis, queue, {
      ...way,
      readLetters: async () => {
        const filter = compileFilter({}) as CompiledFilter;
        await redriveStep(callOn(t.redis), queue, { name: 'r', filter, fence: OPEN_FENCE, most: 15 });
        const isRead = Promise.withResolvers<void>();
        const beforeLastLook = (): Promise<void> => {
          isRead.resolve();
          return done.promise;
        };
        letters = takeSnapshot(t.redis, deadLetterQueue(queue), { ...way, beforeLastLook });
        await isRead.promise;
        // They run, and die again.
        const ids = await t.redis.lrange(queueKey(queue, 'wait'), 0, -1);
        expect(ids).toHaveLength(15);
        await t.redis.del(queueKey(queue, 'wait'));
        for (const [n, id] of ids.entries()) await putFailed(t.redis, queue, id, 5_000 + n);
        expect((await settle(t.redis, queue)).moved).toBe(15);
        return async () => {
          done.resolve();
          await letters;
        };
      },
    });
    const origins = [...((await letters)?.jobs.values() ?? [])].map(({ hash }) => hash['redis-queue:origin']);
    expect(new Set([...origins, ...own.jobs.keys()])).toEqual(
      new Set(Array.from({ length: LETTERS }, (_, n) => `j${n}`)),
    );
  },
);
