import type { QueueSpec } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runController, testCluster, type StoredQueue, type TestCluster } from '../testing/cluster.ts';
import { jobsOf, type JobClients } from '../testing/jobs.ts';

let t: TestCluster;
let jobs: JobClients;
let controller: RunningController;
beforeAll(async () => {
  t = await testCluster();
  jobs = jobsOf(t.server);
  controller = await runController(t);
});
afterAll(async () => {
  await jobs?.[Symbol.asyncDispose]();
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

/** A queue with dead letters, governed. */
async function keeping(
  name: string,
  dlqPolicy: QueueSpec['dlqPolicy'] = {},
  spec: QueueSpec = {},
): Promise<StoredQueue> {
  const queue = await t.queue(await t.namespace(), name, { dlqPolicy: { enabled: true, ...dlqPolicy }, ...spec });
  await t.settled(queue, 'Applied');
  return queue;
}

const letters = (name: string): Promise<string[]> => t.redis.zrange(`bull:${name}-dlq:failed`, 0, '-1');

describe.concurrent('dead letters', () => {
  it('a poison job runs as often as maxRetries says, with its backoff, and lies in the dead-letter queue then', async () => {
    const queue = await keeping('poison', { maxRetries: 2 });
    const startsMs: number[] = [];
    jobs.worker('poison', async () => {
      startsMs.push(Date.now());
      throw new Error('poison');
    });
    await jobs.producer('poison').add('mail', { to: 'x' }, { jobId: 'p', backoff: { type: 'fixed', delay: 300 } });
    const [letter] = await eventually(async () =>
      (await letters('poison')).length > 0 ? await letters('poison') : false,
    );
    expect(startsMs).toHaveLength(3);
    expect(startsMs[1]! - startsMs[0]!).toBeGreaterThanOrEqual(290);
    expect(startsMs[2]! - startsMs[1]!).toBeGreaterThanOrEqual(290);
    expect(await t.redis.hgetall(`bull:poison-dlq:${letter}`)).toMatchObject({
      data: '{"to":"x"}',
      failedReason: 'poison',
    });
    expect(await t.redis.exists('bull:poison:p')).toBe(0);
    await eventually(async () => {
      const reasons = (await t.eventsOf(queue)).map(({ reason }) => reason);
      return reasons.includes('DeadLettersMoved') && reasons.includes('FailedJobsRetried');
    });
    const series = `redis_queue_jobs{namespace="${queue.metadata.namespace}",queue="poison",state="dead"} 1`;
    await eventually(async () => (await controller.manager.registry.metrics()).includes(series));
  });

  it('letters older than retentionDays go, and others stay', async () => {
    const day = 86_400_000;
    const put = (id: string, finishedOn: number): Promise<unknown> =>
      t.redis
        .pipeline()
        .hset(`bull:aged-dlq:${id}`, { name: 'j', data: '{}', finishedOn, 'redis-queue:origin': id })
        .zadd('bull:aged-dlq:failed', finishedOn, id)
        .exec();
    await Promise.all([put('old', Date.now() - 3 * day), put('young', Date.now() - day)]);
    await keeping('aged', { retentionDays: 2 });
    await eventually(async () => (await letters('aged')).join() === 'young');
    expect(await t.redis.exists('bull:aged-dlq:old')).toBe(0);
  });

  it('letters that are too old go, however many older jobs others put in front of them', async () => {
    const day = 86_400_000;
    const finishedOn = Date.now() - 4 * day;
    const theirs = t.redis.pipeline();
    for (let n = 0; n < 1_100; n++) {
      theirs.hset(`bull:crowded-dlq:theirs-${n}`, { name: 'j', data: '{}', finishedOn });
      theirs.zadd('bull:crowded-dlq:failed', finishedOn, `theirs-${n}`);
    }
    await theirs.exec();
    await t.redis.hset('bull:crowded-dlq:old', { name: 'j', data: '{}', 'redis-queue:origin': 'old' });
    await t.redis.zadd('bull:crowded-dlq:failed', Date.now() - 3 * day, 'old');
    await keeping('crowded', { retentionDays: 2 });
    await eventually(async () => (await t.redis.exists('bull:crowded-dlq:old')) === 0);
    expect(await t.redis.zcard('bull:crowded-dlq:failed')).toBe(1_100);
  });

  it('jobs that removeOnFail removes are counted by a condition, an event and a metric', async () => {
    const queue = await keeping('lossy');
    // From the first look on.
    await eventually(async () => (await t.redis.hexists('bull:lossy-dlq:meta', 'redis-queue:lost-after')) === 1);
    jobs.worker('lossy', () => Promise.reject(new Error('no')));
    await jobs
      .producer('lossy')
      .addBulk([1, 2, 3].map((n) => ({ name: 'j', data: { n }, opts: { removeOnFail: true } })));
    await eventually(async () => {
      const lost = findCondition((await t.read(queue)).status?.conditions, 'DeadLettersLost');
      return lost?.message.startsWith('at least 3 jobs failed for good');
    });
    expect(findCondition((await t.read(queue)).status?.conditions, 'Ready')?.status).toBe('True');
    await eventually(async () => (await controller.sumOf(/^redis_queue_dead_letters_lost_total /)) === 3);
    await eventually(async () =>
      (await t.eventsOf(queue)).some(({ type, reason }) => type === 'Warning' && reason === 'DeadLettersLost'),
    );
  });

  it('failed jobs of flows stay where they are, and a condition says so', async () => {
    const queue = await keeping('flows');
    const job = { name: 'j', data: '{}', opts: '{}', timestamp: 1, finishedOn: 1_000, atm: 1, parentKey: 'bull:x:1' };
    await t.redis.pipeline().hset('bull:flows:c1', job).zadd('bull:flows:failed', 1_000, 'c1').exec();
    const left = await t.settled(queue, 'FlowJobsLeft', 'FailedJobsLeft');
    expect(findCondition(left.status?.conditions, 'FailedJobsLeft')?.message).toContain('"c1"');
    expect(await t.redis.zcard('bull:flows:failed')).toBe(1);
    await t.redis.zrem('bull:flows:failed', 'c1');
    await eventually(async () => !findCondition((await t.read(queue)).status?.conditions, 'FailedJobsLeft'));
  });

  it('without dlqPolicy nothing is moved any more, the letters stay, and the queue of them is free', async () => {
    const queue = await keeping('stopped');
    await t.redis.zadd('bull:stopped-dlq:failed', 1, 'letter');
    expect(await t.meta('stopped-dlq')).toHaveProperty('redis-queue:owner');
    await t.patch(queue, { spec: { dlqPolicy: null } });
    await t.settled(queue, 'Applied');
    expect(await t.meta('stopped-dlq')).toEqual({});
    jobs.worker('stopped', () => Promise.reject(new Error('no')));
    await jobs.producer('stopped').add('j', {});
    await eventually(async () => (await t.redis.zcard('bull:stopped:failed')) === 1);
    // Another queue has its turns meanwhile.
    await keeping('witness');
    jobs.worker('witness', () => Promise.reject(new Error('no')));
    await jobs.producer('witness').add('j', {});
    await eventually(async () => (await letters('witness')).length === 1);
    expect(await t.redis.zcard('bull:stopped:failed')).toBe(1);
    expect(await letters('stopped')).toEqual(['letter']);
  });

  it('a Queue that names the dead-letter queue of another conflicts, and keeps it when it was first', async () => {
    await keeping('claimed');
    const second = await t.queue(await t.namespace(), 'claimed-dlq', { globalConcurrency: 1 });
    const blocked = await t.settled(second, 'Conflict');
    expect(findCondition(blocked.status?.conditions, 'Ready')?.message).toMatch(
      /dead-letter queue of Queue .*\/claimed,/,
    );
    const first = await t.queue(await t.namespace(), 'first-dlq', { globalConcurrency: 1 });
    await t.settled(first, 'Applied');
    const late = await t.queue(await t.namespace(), 'first', { dlqPolicy: { enabled: true }, globalConcurrency: 3 });
    const refused = await t.settled(late, 'Conflict');
    expect(findCondition(refused.status?.conditions, 'Ready')?.message).toContain('bull:first-dlq');
    expect(await t.meta('first')).toMatchObject({ concurrency: '3' });
    await t.remove(first);
    await t.settled(late, 'Applied');
  });

  it('a key of another type in the way is a condition of its queue alone', async () => {
    await t.redis.set('bull:wrong-dlq:failed', 'text');
    const queue = await keeping('wrong');
    const failed = await t.settled(queue, 'QueueUnreadable', 'UpkeepFailed');
    expect(findCondition(failed.status?.conditions, 'UpkeepFailed')?.message).toContain('spec.dlqPolicy');
    expect(findCondition(failed.status?.conditions, 'Ready')?.status).toBe('True');
  });
});

const putLetter = (name: string): Promise<number> => t.redis.zadd(`bull:${name}-dlq:failed`, 1_000, 'letter');

describe.concurrent('dead letters of a deleted Queue', () => {
  it('go with it by Delete', async () => {
    const queue = await keeping('wiped', {}, { deletionPolicy: 'Delete' });
    await putLetter('wiped');
    await t.remove(queue);
    await t.gone(queue);
    expect(await t.redis.keys('bull:wiped*')).toEqual([]);
  });

  it('make the queue not empty for DeleteIfEmpty', async () => {
    const queue = await keeping('full', {}, { deletionPolicy: 'DeleteIfEmpty' });
    await putLetter('full');
    await t.remove(queue);
    await t.gone(queue);
    expect(await letters('full')).toEqual(['letter']);
    await eventually(async () =>
      (await t.eventsOf(queue)).some(
        ({ reason, message }) => reason === 'DataRetained' && message.includes('1 of them dead letters'),
      ),
    );
  });

  it('stay by Retain, and are counted until then', async () => {
    await putLetter('kept');
    const queue = await keeping('kept');
    await eventually(async () => (await t.read(queue)).status?.counts?.dead === 1);
    await t.remove(queue);
    await t.gone(queue);
    expect(await letters('kept')).toEqual(['letter']);
  });
});
