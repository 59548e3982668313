import { formatOwnerMark, parseOwnerMark, RedisConnections, type OwnerMark } from '@redis-queue/bullmq';
import { startRedis, type RedisServer } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { queueObject } from '../testing/queues.ts';
import type { DutyOutcome, DutyTurn } from './duty.ts';
import { RetentionDuty } from './retention.ts';

let server: RedisServer;
const connections = new RedisConnections();
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  connections.close();
  await server?.stop();
});

const queue = queueObject({ retention: { failedJobs: '1h' } });
const BASE = 'bull:emails:';

/** Failed jobs that are too old: 9,050 whose parent waits, so that they stay, and 150 newer ones that may go. */
async function fill(): Promise<void> {
  await connections.get({ host: server.host, port: server.port }).eval(
    `redis.call('HSET', KEYS[1] .. 'parent', 'timestamp', 1)
    for i = 1, 9200 do
      redis.call('HSET', KEYS[1] .. i, 'timestamp', 1, 'finishedOn', i)
      if i <= 9050 then redis.call('HSET', KEYS[1] .. i, 'parentKey', KEYS[1] .. 'parent') end
      redis.call('ZADD', KEYS[1] .. 'failed', i, i)
    end`,
    1,
    BASE,
  );
}

it('a queue whose pass rests has its next turn at once, and goes on there only under the same owner mark', async () => {
  await fill();
  const redis = connections.get({ host: server.host, port: server.port });
  const duty = new RetentionDuty();
  const work = async (adoptedAt: string): Promise<DutyOutcome | undefined> => {
    const mark: OwnerMark = { owner: 'c1/shop/emails', managed: ['rateLimit'], adoptedAt };
    await redis.hset(`${BASE}meta`, 'redis-queue:owner', formatOwnerMark(mark));
    let said: DutyOutcome | undefined;
    const turn: DutyTurn = {
      call: (use) => use(redis),
      now: () => performance.now(),
      sleep: () => Promise.resolve(),
      random: () => 0,
      endMs: performance.now() + 60_000,
      signal: AbortSignal.timeout(60_000),
      ownMark: (_, text) => parseOwnerMark(text) as OwnerMark,
      report: (_, outcome) => (said = outcome),
    };
    await duty.work([queue], turn);
    return said;
  };
  const [first, second] = ['2026-01-02T03:04:05.000Z', '2026-01-03T03:04:05.000Z'];
  expect(await work(first)).toMatchObject({ dueMs: 0, done: { removed: 0 } });
  // As in another Redis: another mark, and the oldest first.
  expect(await work(second)).toMatchObject({ dueMs: 0, done: { removed: 0 } });
  expect(await work(second)).toMatchObject({ dueMs: 30_000, done: { removed: 150 } });
});
