import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { obliterateRound, type ObliterateOptions } from './obliterate.ts';
import { OWNER_FIELD } from './owner-mark.ts';
import { readQueuePolicy } from '../policy/policy.ts';
import { CLAIM_TTL_MS, CLAIMS_FIELD, leaveClaim } from './queue-claims.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

// Wall 4: that nobody claims the data is checked in the script that removes it.

let t: TestRedis;
let names = 0;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const OURS = 'c1/shop/emails';
const THEIRS = 'c1/crm/mail';

/** A queue with the mark `A` and a job, and what is done with it. */
async function queue(claims?: string) {
  const ref = { prefix: 'bull', name: `q${names++}` };
  const meta = `bull:${ref.name}:meta`;
  await t.redis.hset(meta, OWNER_FIELD, 'A', ...(claims === undefined ? [] : [CLAIMS_FIELD, claims]));
  await t.redis.lpush(`bull:${ref.name}:wait`, '1');
  return {
    ref,
    meta,
    claim: (owner = THEIRS, expected = 'A') => leaveClaim(t.redis, ref, { expected, owner }),
    claims: async () => (await readQueuePolicy(t.redis, ref)).claims ?? [],
    remove: async (options: Partial<ObliterateOptions> = { owner: OURS }) => {
      const round = { mark: 'A', stopAt: 'busy' as const, untilMs: Date.now() + 60_000, ...options };
      return (await obliterateRound(t.redis, ref, round)).outcome;
    },
  };
}

async function redisTimeMs(): Promise<number> {
  const [seconds, micros] = await t.redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

describe('a claim on a queue that another governs', () => {
  test('stops the removal by the other, for ten minutes of Redis', async () => {
    const { claim, claims, remove, ref } = await queue();
    expect(await claim()).toBe('left');
    const [left] = await claims();
    expect(left).toMatchObject({ owner: THEIRS });
    expect(left!.leftMs).toBeGreaterThan(CLAIM_TTL_MS - 60_000);
    expect(left!.leftMs).toBeLessThanOrEqual(CLAIM_TTL_MS);
    expect(await remove()).toBe('claimed');
    expect(await t.redis.llen(`bull:${ref.name}:wait`)).toBe(1);
  });

  test.each<[string, Partial<ObliterateOptions>]>([
    ['with force', { stopAt: 'nothing' }],
    ['by who left it, and has taken the queue over since', { owner: THEIRS }],
  ])('does not stop a removal %s', async (_, options) => {
    const { claim, remove } = await queue();
    await claim();
    expect(await remove(options)).toBe('done');
  });

  test('does not count once its object is gone, until it is renewed', async () => {
    const { claim, claims, remove, meta } = await queue(`${(await redisTimeMs()) + 1_000} ${THEIRS}\n`);
    const ignoredClaims = (await claims()).map(({ stored }) => stored);
    const before = await t.redis.hget(meta, CLAIMS_FIELD);
    await claim();
    expect(await remove({ owner: OURS, ignoredClaims })).toBe('claimed');
    await t.redis.hset(meta, CLAIMS_FIELD, before!);
    expect(await remove({ owner: OURS, ignoredClaims })).toBe('done');
  });

  test('is not left under another mark, nor on a queue that does not exist, which stays so', async () => {
    const { claim, meta } = await queue();
    expect(await claim(THEIRS, 'B')).toBe('ownershipLost');
    expect(await t.redis.hexists(meta, CLAIMS_FIELD)).toBe(0);
    await t.redis.del(meta);
    expect([await claim(), await claim(THEIRS, '')]).toEqual(['ownershipLost', 'ownershipLost']);
    expect(await t.redis.exists(meta)).toBe(0);
  });

  test('is one of four at most, and takes the place of those that have expired', async () => {
    const { claim, claims, meta } = await queue();
    const claimed = [];
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (const name of ['a', 'b', 'c', 'd', 'e', 'a']) claimed.push(await claim(`c1/crm/${name}`));
    expect(claimed).toEqual(['left', 'left', 'left', 'left', 'full', 'left']);
    expect((await claims()).map(({ owner }) => owner.at(-1))).toEqual(['b', 'c', 'd', 'a']);
    const text = (await t.redis.hget(meta, CLAIMS_FIELD))!;
    await t.redis.hset(meta, CLAIMS_FIELD, text.replace(/^\d+/, '1'));
    expect(await claim('c1/crm/e')).toBe('left');
    expect((await claims()).map(({ owner }) => owner.at(-1))).toEqual(['c', 'd', 'a', 'e']);
  });

  // Whoever may write to the queue writes texts of any kind: each claim that is read costs a request to the API server.
  test('counts as one of the first four, however many somebody has written', async () => {
    const nowMs = await redisTimeMs();
    const lines = Array.from({ length: 74 }, (_, i) => `${nowMs + 600_000} c1/crm/${i}\n`);
    const { claim, claims, remove } = await queue(`${nowMs - 1} c1/crm/expired\n${lines.join('')}`);
    const found = await claims();
    expect(found.map(({ owner }) => owner.split('/')[2])).toEqual(['0', '1', '2', '3']);
    expect(await claim()).toBe('full');
    expect(await remove()).toBe('claimed');
    const ignoredClaims = found.map(({ stored }) => stored);
    expect(await remove({ owner: OURS, ignoredClaims })).toBe('done');
  });

  test.each(['9'.repeat(4_000), `${'9'.repeat(4_000)}\n`, '\n'.repeat(4_000)])(
    'costs Redis no time where the text is none',
    async (text) => {
      const { claim, claims } = await queue(text);
      await t.redis.config('SET', 'slowlog-log-slower-than', '50000');
      await t.redis.slowlog('RESET');
      expect(await claims()).toEqual([]);
      expect(await claim()).toBe('left');
      expect(await t.redis.slowlog('GET')).toEqual([]);
    },
  );

  test.each<[string, (nowMs: number) => string]>([
    ['has expired', (nowMs) => `${nowMs - 1} ${THEIRS}\n`],
    ['says that it never expires', (nowMs) => `${nowMs + 7_200_000} ${THEIRS}\n${'9'.repeat(400)} ${THEIRS}\n`],
    ['is longer than ours are', (nowMs) => `${nowMs + 60_000} ${THEIRS}${'x'.repeat(5_000)}\n`],
    ['is none', () => 'true'],
  ])('that %s is ignored, and others may be left', async (_, text) => {
    const { claim, claims, remove } = await queue(text(await redisTimeMs()));
    expect(await claims()).toEqual([]);
    expect(await remove()).toBe('done');
    const other = await queue(text(await redisTimeMs()));
    expect(await other.claim()).toBe('left');
    expect(await other.claims()).toMatchObject([{ owner: THEIRS }]);
    expect(claim).toBeDefined();
  });
});
