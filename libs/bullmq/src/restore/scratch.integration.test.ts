import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import type { QueueRef } from '../redis/keys.ts';
import { readServerMemory } from '../sampling/server-memory.ts';
import type { QueueRecord } from '../snapshot/records.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { beginRestore } from './begin-restore.ts';
import { MemoryEstimate } from './memory-estimate.ts';
import { removeScratch } from './remove-scratch.ts';
import { RESTORE_FIELD } from '../ownership/restore-mark.ts';
import { readRestorePhase } from './restore-phase.ts';
import {
  killedAfter,
  place,
  recordsOf,
  restoreAll,
  SOURCE,
  sourceRecords,
  streamOf,
  writerOf,
} from './restore.fixture.ts';
import { verifyRestore } from './verify-restore.ts';

// What a scratch restore writes is all removed, whatever happens to it.

let t: TestRedis;
/** Where scratch restores write, with the least rights; nothing else is there. */
let scratch: TestRedis;
let redis: Redis;
let records: QueueRecord[];

beforeAll(async () => {
  [t, scratch] = await Promise.all([testRedis(), testRedis()]);
  await sourceRecords(t);
  const queue = t.producer(SOURCE);
  await queue.add('once', {}, { deduplication: { id: 'd-1', ttl: 3_600_000 } });
  await queue.add('kept', {}, { deduplication: { id: 'd-2' } });
  await queue.add('parent', {}, { jobId: 'parent' });
  await t.redis.sadd('bull:source:parent:dependencies', 'bull:source:1');
  records = await recordsOf(t.redis, SOURCE);
  const rules = ACL_RULES.restore.split(' ');
  await scratch.redis.call('ACL', 'SETUSER', 'restorer', 'reset', 'on', '>pw', 'resetchannels', ...rules);
  redis = new Redis({ ...scratch.target, username: 'restorer', password: 'pw', maxRetriesPerRequest: 1 });
});
afterAll(async () => {
  redis?.disconnect();
  await Promise.all([t, scratch].map((each) => each?.[Symbol.asyncDispose]()));
});

const SCRATCH: QueueRef = { prefix: 'rq-scratch-0123abcd', name: '{emails}' };
const signal = AbortSignal.timeout(300_000);
const options = { target: SCRATCH, from: SOURCE, scratch: true } as const;
const remove = (by: Redis = redis, restoreId = 'r-1') => removeScratch(by, SCRATCH, restoreId, { signal });
/** From its first call to its last. */
async function whole(by: Redis): Promise<void> {
  await restoreAll(records, { redis: by, ...options, partSize: 12 });
  await remove(by);
}
const keysLeft = (): Promise<string[]> => scratch.redis.keys('*');

test('all of it is there, under its own keys alone, compared, and gone afterwards; Redis refuses none of it', async () => {
  expect(await readRestorePhase(redis, SCRATCH, 'r-1')).toBeUndefined();
  await restoreAll(records, { redis, ...options });
  expect(await readRestorePhase(redis, SCRATCH, 'r-1')).toBe('placed');
  expect(await verifyRestore(redis, SCRATCH, streamOf(records))).toMatchObject({ count: 0 });
  const keys = await keysLeft();
  expect(keys.length).toBeGreaterThan(records.filter(({ kind }) => kind === 'job').length);
  expect(keys.filter((key) => !key.startsWith('rq-scratch-0123abcd:{emails}:'))).toEqual([]);
  expect(await remove()).toBe('done');
  expect(await scratch.redis.dbsize()).toBe(0);
  expect([await remove(), await readRestorePhase(redis, SCRATCH, 'r-1')]).toEqual(['gone', undefined]);
  expect(await scratch.redis.call('ACL', 'LOG')).toEqual([]);
});

test.each(['before it is done', 'after it is done, unanswered'] as const)(
  'one that is killed at any call, %s, leaves nothing once it is removed, and neither does a removal that is',
  async (when) => {
    let kills = 0;
    for (let calls = 0; ; calls++) {
      const killed = killedAfter(redis, calls, when);
      const reason = await whole(killed.redis).then(() => 'none', String);
      if (!killed.wasKilled()) break;
      expect(reason).toBe('Error: killed');
      kills++;
      await remove();
      expect(await keysLeft(), `killed after ${calls} calls`).toEqual([]);
    }
    expect(kills).toBeGreaterThan(10);
  },
);

test('what it has still under way when it is removed is refused, and so is a beginning that comes too late', async () => {
  await beginRestore(redis, SCRATCH, 'r-1', { scratch: true, withinMs: 5_000 });
  const writer = writerOf({ redis, ...options });
  await writer.write(records.slice(0, 20));
  await remove();
  await expect(writer.write(records)).rejects.toThrow('no longer filled');
  await expect(writer.finish()).rejects.toThrow('no longer filled');
  await expect(beginRestore(redis, SCRATCH, 'r-1', { scratch: true, withinMs: -1 })).rejects.toThrow('took longer');
  expect(await keysLeft()).toEqual([]);
});

test('a removal that stops in the middle says so, and nothing is written until it is done', async () => {
  await beginRestore(redis, SCRATCH, 'r-1', { scratch: true });
  const writer = writerOf({ redis, ...options });
  await writer.write(records);
  await redis.hdel(`${SCRATCH.prefix}:${SCRATCH.name}:meta`, RESTORE_FIELD);
  expect(await readRestorePhase(redis, SCRATCH, 'r-1')).toBe('removing');
  await expect(writer.write(records)).rejects.toThrow('no longer filled');
  expect(await remove()).toBe('done');
  expect(await keysLeft()).toEqual([]);
});

test('it can be removed from a Redis that is full', async () => {
  await restoreAll(records, { redis, ...options });
  await scratch.redis.config('SET', 'maxmemory', '1mb');
  expect(await readServerMemory(redis, SCRATCH)).toMatchObject({ maxBytes: 2 ** 20, usedBytes: expect.any(Number) });
  await expect(redis.set(`${SCRATCH.prefix}:x`, 'x')).rejects.toThrow('OOM');
  expect(await remove()).toBe('done');
  await scratch.redis.config('SET', 'maxmemory', '0');
  expect(await keysLeft()).toEqual([]);
  expect(await readServerMemory(redis, SCRATCH)).not.toHaveProperty('maxBytes');
});

test('no worker runs any of it, not even one of its very keys; and nobody else’s queue is removed', async () => {
  const ran: unknown[] = [];
  const own = t.worker(SCRATCH, (job) => Promise.resolve(ran.push(job.id)));
  const sameName = t.worker({ prefix: 'bull', name: SCRATCH.name }, (job) => Promise.resolve(ran.push(job.id)));
  await Promise.all([own.waitUntilReady(), sameName.waitUntilReady()]);
  await restoreAll(records, { redis: t.redis, ...options });
  expect(await t.producer(SCRATCH).getWaitingCount()).toBeGreaterThan(30);
  // What an idle worker waits for: it takes it, and looks for a job then.
  const marker = `${SCRATCH.prefix}:${SCRATCH.name}:marker`;
  await t.redis.zadd(marker, 0, '0');
  await eventually(async () => (await t.redis.exists(marker)) === 0);
  const other = place('beside');
  await restoreAll(records, { redis: t.redis, target: other, from: SOURCE });
  expect(await removeScratch(t.redis, other, 'r-1', { signal })).toBe('gone');
  expect(await removeScratch(t.redis, SCRATCH, 'r-2', { signal })).toBe('other');
  expect(await t.producer(other).getWaitingCount()).toBeGreaterThan(30);
  await Promise.all([own.close(true), sameName.close(true)]);
  expect(ran).toEqual([]);
  expect(await removeScratch(t.redis, SCRATCH, 'r-1', { signal })).toBe('done');
});

const many = (count: number, data: unknown, opts: object = {}) =>
  Array.from({ length: count }, () => ({ name: 'job', data, opts }));

describe('the memory that a restore takes', () => {
  const shapes: [string, unknown, object?][] = [
    ['small jobs', { n: 1 }],
    ['jobs of 200 bytes', { text: 'x'.repeat(200) }],
    ['jobs of 4 kB in three bytes a letter', { text: '語'.repeat(1_400) }],
    ['delayed jobs', { text: 'x'.repeat(100) }, { delay: 3_600_000 }],
  ];
  test.each(shapes)(
    'of %s is estimated: never too low, and not by more than half too high',
    async (what, data, opts) => {
      const ref = place(`memory-${what.replaceAll(/\W/g, '-')}`);
      const queue = t.producer(ref);
      await queue.addBulk(many(1_500, data, opts));
      const found = await recordsOf(t.redis, ref);
      const estimate = new MemoryEstimate(`${SCRATCH.prefix}:${SCRATCH.name}`);
      estimate.add(found);
      const used = async (): Promise<number> => (await readServerMemory(scratch.redis, SCRATCH)).usedBytes;
      const before = await used();
      await beginRestore(redis, SCRATCH, 'r-1', { scratch: true });
      const writer = writerOf({ redis, ...options, from: ref });
      for await (const page of streamOf(found)) await writer.write(page);
      // Staged, and in its place.
      const staged = await used();
      await writer.finish();
      const took = Math.max(staged, await used()) - before;
      expect(await remove()).toBe('done');
      process.stdout.write(`${JSON.stringify({ what, took, estimated: estimate.bytes })}\n`);
      expect(estimate.bytes).toBeGreaterThanOrEqual(took);
      expect(estimate.bytes).toBeLessThan(1.5 * took);
    },
  );
});
