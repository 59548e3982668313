import { afterAll, beforeAll, expect, test } from 'vitest';
import { classifyRedisError } from '../connections/errors.ts';
import { putFailed } from '../dead-letters/dead-letters.fixture.ts';
import { tryReadMarks } from './marks.ts';
import { OWNER_FIELD } from './owner-mark.ts';
import { readQueuePolicy } from '../policy/policy.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const queueOf = (name: string): { prefix: string; name: string } => ({ prefix: 'bull', name });

// Walls 1 and 3: no text of a tenant makes the reply long, and a key of another type costs nobody else anything.
test('marks and numbers of many queues come together, and what cannot be read is the error of its queue', async () => {
  const names = Array.from({ length: 120 }, (_, n) => `q${n}`);
  await Promise.all(names.map((name) => t.redis.hset(`bull:${name}:meta`, OWNER_FIELD, `mark of ${name}`)));
  await t.redis.hset('bull:long:meta', OWNER_FIELD, 'x'.repeat(1_000_000));
  await t.redis.set('bull:wrong:failed', 'text');
  await putFailed(t.redis, queueOf('q7'), 'j', 1_000);
  const found = await tryReadMarks(t.redis, [...names, 'long', 'wrong', 'none'].map(queueOf));
  expect(found.slice(0, 3)).toMatchObject([0, 1, 2].map((n) => ({ rawOwnerMark: `mark of q${n}`, failed: 0 })));
  expect(found[7]).toMatchObject({ failed: 1 });
  // As who plans by it reads it.
  const { rawOwnerMark } = await readQueuePolicy(t.redis, queueOf('long'));
  expect(found[120]).toMatchObject({ rawOwnerMark });
  expect(rawOwnerMark).toHaveLength(40);
  expect(classifyRedisError(found[121]).reason).toBe('QueueUnreadable');
  expect(found[122]).toMatchObject({ failed: 0, activity: '0 null' });
  expect(found[122]).not.toHaveProperty('rawOwnerMark');
});

test('its activity is another one once a job was added, or finished', async () => {
  const queue = queueOf('active');
  const activity = async (): Promise<unknown> => (await tryReadMarks(t.redis, [queue]))[0];
  const producer = t.producer(queue);
  await producer.waitUntilReady();
  const before = await activity();
  await producer.add('j', {}, { jobId: 'own' });
  const added = await activity();
  expect(added).not.toMatchObject({ activity: (before as { activity: string }).activity });
  t.worker(queue, () => Promise.resolve());
  await expect.poll(activity).not.toMatchObject({ activity: (added as { activity: string }).activity });
});
