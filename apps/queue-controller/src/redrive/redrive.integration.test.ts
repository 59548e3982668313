import { QUEUE_REDRIVES, type QueueRedriveSpec } from '@redis-queue/api';
import { findCondition, keyOf, SECRETS } from '@redis-queue/controller';
import { eventually, startAppProcess, startRedis, type AppProcess } from '@redis-queue/rig';
import { contradictions, recordHealth, type RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { runController, testCluster, type TestCluster } from '../testing/cluster.ts';
import { DeadLetters, type Doomed } from '../testing/dead-letters.ts';
import type { RedriveObject } from './redrives.ts';

// Real jobs of BullMQ, an API server and a Redis; walls 1, 2 and 4: no job is lost or doubled, whoever is killed when.

let t: TestCluster;
let dead: DeadLetters;
let controller: RunningController;
let ns: string;
beforeAll(async () => {
  t = await testCluster();
  dead = new DeadLetters(t);
  ns = await t.namespace();
  controller = await runController(t, () => 0, [ns]);
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

/** A governed queue of that name, with dead letters. */
async function queueWith(name: string, jobs: readonly Doomed[], namespace = ns): Promise<void> {
  await t.settled(await t.queue(namespace, name), 'Applied');
  await dead.die(name, jobs);
}
const some = (count: number): Doomed[] => Array.from({ length: count }, (_, n) => ({ opts: { jobId: `j${n}` } }));
const mail = (n: number): Doomed => ({
  name: n % 2 ? 'sms' : 'mail',
  reason: n % 3 ? 'refused' : 'connect ETIMEDOUT',
  data: { tenant: { id: n % 4 } },
  opts: { jobId: `m${n}` },
});
const waiting = (name: string): Promise<string[]> => t.redis.lrange(`bull:${name}:wait`, 0, -1);
const numbers = ({ status }: RedriveObject): object => {
  const { matched, redriven, skipped } = status ?? {};
  return { matched, redriven, skipped };
};
const NONE = { jobExists: 0, diedAgain: 0 };

describe.concurrent('a redrive', () => {
  it('takes what its filter says, and a dry run says what that is and moves nothing', async ({ expect }) => {
    await queueWith(
      'filter',
      Array.from({ length: 12 }, (_, n) => mail(n)),
    );
    const between = new Date(Date.now() + 1).toISOString();
    await eventually(() => Date.now() > Date.parse(between) + 1);
    await dead.die(
      'filter',
      Array.from({ length: 12 }, (_, n) => mail(n + 12)),
    );
    const cases: [string, QueueRedriveSpec['filter'], number][] = [
      ['all', undefined, 24],
      ['name', { jobName: 'mail' }, 12],
      ['reason', { failedReason: 'TIMEDOUT' }, 8],
      ['after', { failedAfter: between }, 12],
      ['before', { failedBefore: between }, 12],
      ['data', { data: { path: '$.tenant.id', equals: '3' } }, 6],
      ['every', { jobName: 'sms', failedReason: 'ETIMEDOUT', failedBefore: between }, 2],
      ['future', { failedAfter: '2999-01-01T00:00:00Z' }, 0],
    ];
    const letters = await dead.letters('filter');
    await Promise.all(
      cases.map(async ([name, filter, count]) => {
        const spec = { queue: 'filter', dryRun: true, ...(filter && { filter }) };
        const counted = await dead.settled(await dead.redrive(ns, `dry-${name}`, spec), 'Counted');
        expect(numbers(counted)).toEqual({ matched: count, redriven: undefined, skipped: undefined });
        expect(counted.status?.sample).toHaveLength(Math.min(count, 10));
        expect(findCondition(counted.status?.conditions, 'Complete')?.status).toBe('True');
      }),
    );
    expect(await dead.letters('filter')).toEqual(letters);
    expect(await waiting('filter')).toEqual([]);

    const every = await dead.redrive(ns, 'every', { queue: 'filter', filter: cases[6]![1]! });
    expect(numbers(await dead.settled(every, 'Redriven'))).toEqual({ matched: 2, redriven: 2, skipped: NONE });
    expect((await waiting('filter')).toSorted()).toEqual(['m3', 'm9']);
    const most = await dead.redrive(ns, 'most', { queue: 'filter', maxJobs: 5 });
    expect(numbers(await dead.settled(most, 'Redriven'))).toMatchObject({ matched: 5, redriven: 5 });
    expect(await dead.letters('filter')).toHaveLength(17);
    await eventually(async () => (await t.rig.objects.eventsOf(most)).some(({ reason }) => reason === 'Redriven'));
  });

  it('gives a job its attempts and its priority again, and takes each once although it dies again', async ({
    expect,
  }) => {
    await queueWith('anew', [{ opts: { jobId: 'a', attempts: 2, priority: 7 } }, { opts: { jobId: 'b' } }]);
    // A job of that id is there by now.
    await t.redis.hset('bull:anew:b', 'name', 'other');
    const again = await dead.redrive(ns, 'anew', { queue: 'anew' });
    expect(numbers(await dead.settled(again, 'Redriven'))).toEqual({
      matched: 2,
      redriven: 1,
      skipped: { jobExists: 1, diedAgain: 0 },
    });
    const job = await dead.producer('anew', (queue) => queue.getJob('a'));
    expect([job?.attemptsMade, job?.priority, job?.failedReason]).toEqual([0, 7, undefined]);
    const runs: number[] = [];
    const worker = dead.worker('anew', ({ attemptsStarted }) => {
      runs.push(attemptsStarted);
      return Promise.reject(new Error('no'));
    });
    await eventually(async () => {
      await dead.settle('anew');
      return (await dead.letters('anew')).length === 2;
    });
    await worker.close();
    expect(runs).toEqual([1, 2]);
    // What has ended is never taken up again.
    await t.client.mergePatch(QUEUE_REDRIVES, keyOf(again), { metadata: { labels: { a: 'b' } } });
    const other = await dead.redrive(ns, 'anew-2', { queue: 'anew', maxJobs: 1 });
    await dead.settled(other, 'Redriven');
    expect(numbers(await dead.read(again))).toMatchObject({ redriven: 1 });
  });

  it('ends although the jobs die again and again while it runs', async ({ expect }) => {
    await queueWith('endless', some(60));
    const stop = new AbortController();
    const worker = dead.worker('endless', () => Promise.reject(new Error('no')));
    const mover = (async () => {
      while (!stop.signal.aborted) await dead.settle('endless');
    })();
    const redrive = await dead.redrive(ns, 'endless', { queue: 'endless', maxJobsPerSecond: 40 });
    expect(numbers(await dead.settled(redrive, 'Redriven'))).toMatchObject({ matched: 60, redriven: 60 });
    stop.abort();
    await mover;
    await eventually(async () => {
      await dead.settle('endless');
      return (await dead.letters('endless')).length === 60;
    });
    await worker.close();
  });

  it('leaves what failed after it was created, whenever it begins', async ({ expect }) => {
    await queueWith('since', [{ opts: { jobId: 'before' } }]);
    const redrive = await dead.redrive(ns, 'since', { queue: 'since', suspend: true });
    // The API server tells no more than the second of the creation, all of which counts.
    await eventually(() => Date.now() >= Date.parse(redrive.metadata.creationTimestamp!) + 1_000);
    await dead.die('since', [{ opts: { jobId: 'after' } }]);
    await t.client.mergePatch(QUEUE_REDRIVES, keyOf(redrive), { spec: { suspend: false } });
    expect(numbers(await dead.settled(redrive, 'Redriven'))).toMatchObject({ matched: 1, redriven: 1 });
    expect(await waiting('since')).toEqual(['before']);
    expect(await dead.letters('since')).toHaveLength(1);
  });

  it('goes after the older ones of its Queue, unless they are suspended, at its own rate', async ({ expect }) => {
    const recording = await recordHealth(t.client, QUEUE_REDRIVES, ns);
    await queueWith('line', some(33));
    const [first, second] = [
      await dead.redrive(ns, 'line-1', { queue: 'line', maxJobsPerSecond: 10, maxJobs: 30 }),
      await dead.redrive(ns, 'line-2', { queue: 'line', maxJobs: 1 }),
    ];
    const waits = await dead.settled(second, 'WaitingForRedrive');
    expect(findCondition(waits.status?.conditions, 'Ready')?.message).toContain('QueueRedrive line-1');
    await dead.settled(first, 'Redriving');
    const suspend = (value: boolean): Promise<unknown> =>
      t.client.mergePatch(QUEUE_REDRIVES, keyOf(first), { spec: { suspend: value } });
    await suspend(true);
    const suspended = await dead.settled(first, 'Suspended');
    expect(findCondition(suspended.status?.conditions, 'Suspended')?.status).toBe('True');
    expect(numbers(await dead.settled(second, 'Redriven'))).toMatchObject({ matched: 1, redriven: 1 });
    await suspend(false);
    const ended = await dead.settled(first, 'Redriven');
    expect(numbers(ended)).toMatchObject({ matched: 30, redriven: 30 });
    expect(findCondition(ended.status?.conditions, 'Suspended')).toBeUndefined();
    const ids = await waiting('line');
    expect([ids.length, new Set(ids).size]).toEqual([31, 31]);
    // A job that was put back has the time of Redis at which that was.
    const perSecond = new Map<number, number>();
    for (const id of ids) {
      const atSecond = Math.floor(Number(await t.redis.hget(`bull:line:${id}`, 'timestamp')) / 1_000);
      perSecond.set(atSecond, (perSecond.get(atSecond) ?? 0) + 1);
    }
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(11);
    const life = (await recording.next(ended.metadata.resourceVersion)).filter(({ object }) =>
      object.metadata.name.startsWith('line'),
    );
    recording.stop();
    expect(contradictions(life, new Set())).toEqual([]);
  });

  it('says what it waits for, and goes on by itself', async ({ expect }) => {
    const redrive = await dead.redrive(ns, 'early', { queue: 'late' });
    await dead.settled(redrive, 'QueueNotFound');
    const rival = await t.namespace();
    // Somebody else's controller has taken the queue.
    await t.redis.hset('bull:late:meta', 'redis-queue:owner', ownerMark(`elsewhere/${rival}/late`));
    const queue = await t.queue(ns, 'late');
    await t.settled(queue, 'OwnedByOtherCluster');
    const refused = await dead.settled(redrive, 'QueueNotGoverned');
    expect(findCondition(refused.status?.conditions, 'Ready')?.message).toContain('does not govern');
    await t.redis.hdel('bull:late:meta', 'redis-queue:owner');
    await t.settled(queue, 'Applied');
    await dead.settled(redrive, 'Redriven');

    await dead.die('late', some(1));
    await t.redis.hset('bull:late-dlq:meta', 'redis-queue:owner', ownerMark('elsewhere/shop/dlq'));
    const other = await dead.redrive(ns, 'dlq-of-another', { queue: 'late' });
    const notOurs = await dead.settled(other, 'QueueNotGoverned');
    expect(findCondition(notOurs.status?.conditions, 'Ready')?.message).toContain('late-dlq belongs to elsewhere');
    await t.redis.hdel('bull:late-dlq:meta', 'redis-queue:owner');
    await dead.settled(other, 'Redriven');
  });

  it('says that its Redis is gone, and goes on when that is back', async ({ expect }) => {
    const own = await startRedis();
    await t.secret(ns, { 'redis-url': own.url }, 'second');
    const queue = await t.queue(ns, 'outage', { redis: { secretRef: { name: 'second' } } });
    await t.settled(queue, 'Applied');
    await own.kill9();
    const redrive = await dead.redrive(ns, 'outage', { queue: 'outage' });
    const gone = await dead.settled(redrive, 'RedisUnreachable');
    expect(gone.status?.conditions?.find(({ type }) => type === 'Reconciling')?.status).toBe('True');
    await own.restart();
    await dead.settled(redrive, 'Redriven');
    await own.stop();
  });

  it('is deleted when its time is over', async ({ expect }) => {
    await queueWith('short', some(1));
    const redrive = await dead.redrive(ns, 'short', { queue: 'short', ttlSecondsAfterFinished: 1 });
    await eventually(async () => (await t.client.get(QUEUE_REDRIVES, keyOf(redrive))) === undefined);
    expect(await waiting('short')).toEqual(['j0']);
  });
});

const ownerMark = (owner: string): string =>
  JSON.stringify({ v: 1, owner, managed: [], adoptedAt: '2026-01-01T00:00:00Z' });

it('a Secret that is missing is said, and a redrive goes on once it is there', async ({ expect }) => {
  await queueWith('secret', some(2));
  const secret = await t.client.get<never>(SECRETS, { namespace: ns, name: 'redis-credentials' });
  await t.client.delete(SECRETS, { namespace: ns, name: 'redis-credentials' });
  const redrive = await dead.redrive(ns, 'secret', { queue: 'secret' });
  await dead.settled(redrive, 'SecretNotFound');
  const { data } = secret as unknown as { data: Record<string, string> };
  const texts = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
  await t.secret(ns, Object.fromEntries(texts) as Record<string, string>);
  await dead.settled(redrive, 'Redriven');
  expect((await waiting('secret')).toSorted()).toEqual(['j0', 'j1']);
});

it('a controller that is killed leaves nothing behind that the next does not finish', async ({ expect }) => {
  const namespace = await t.namespace();
  const start = async (): Promise<AppProcess> => {
    const main = new URL('../main.ts', import.meta.url).pathname;
    const { kubeconfigPath } = t.cluster;
    const args = ['--leader-elect', 'false', `--namespace-scope=${namespace}`, '--cluster-id=killed'];
    return await startAppProcess('queue-controller', { main, kubeconfigPath, args });
  };
  let running = await start();
  await queueWith('killed', some(300), namespace);
  const redrive = await dead.redrive(namespace, 'killed', { queue: 'killed', maxJobsPerSecond: 70 });
  const seen: number[] = [];
  for (const most of [50, 150]) {
    await eventually(async () => (await waiting('killed')).length > most, { intervalMs: 5 });
    await running.stop('SIGKILL');
    seen.push((await dead.read(redrive)).status?.redriven ?? 0);
    running = await start();
  }
  const ended = await dead.settled(redrive, 'Redriven');
  expect(numbers(ended)).toEqual({ matched: 300, redriven: 300, skipped: NONE });
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  const ids = await waiting('killed');
  expect([ids.length, new Set(ids).size]).toEqual([300, 300]);
  expect(await dead.letters('killed')).toEqual([]);
  expect((await running.metrics()).match(/^redis_queue_redrives_ended_total\{outcome="complete"\} 1$/m)).not.toBeNull();
  await running.stop('SIGTERM');
});
