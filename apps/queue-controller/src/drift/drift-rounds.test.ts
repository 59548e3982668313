import type { QueueObject } from '@redis-queue/redis-access';
import { afterEach, expect, it, vi } from 'vitest';
import { queueObject } from '../testing/queues.ts';
import type { DriftGroup } from './due-groups.ts';
import { DriftRounds } from './drift-rounds.ts';
import { SettledQueues } from './settled-queues.ts';

afterEach(() => void vi.useRealTimers());

/** Rounds over queues, by default of one Redis, all of which a reconcile has left with `left`. */
function stage(count: number, redisOf: (queue: QueueObject) => string = () => 'redis') {
  const queues = Array.from(
    { length: count },
    (_, n) => queueObject({}, { name: `q${n}`, uid: `u${n}` }) as QueueObject,
  );
  const settled = new SettledQueues();
  for (const queue of queues) settled.settle(queue, 'left');
  const found: string[] = [];
  const failures: string[] = [];
  const read: string[] = [];
  const redis: { digestOf: (queue: QueueObject) => string; lasts: (key: string) => Promise<void> } = {
    digestOf: () => 'left',
    lasts: () => Promise.resolve(),
  };
  const slow: string[] = [];
  const rounds = new DriftRounds<DriftGroup>({
    settled,
    metrics: { driftCheckTook: () => {}, driftCheckFailed: (reason) => void failures.push(reason) },
    listQueues: () => queues,
    groupsOf: (members) =>
      [...Map.groupBy(members, redisOf)].map(([key, ofIt]) => ({ key, namespace: 'shop', queues: ofIt })),
    inTurns: async (groups, { compare, onMissed }) => {
      const turns = groups.map(async (group) => {
        if (group.key === 'missed') onMissed(group);
        else if (!(await compare(group))) slow.push(group.key);
      });
      await Promise.all(turns);
    },
    digest: async ({ key }, members) => {
      read.push(...members.map(({ metadata: { uid } }) => uid!));
      await redis.lasts(key);
      return members.map((queue) => redis.digestOf(queue));
    },
    reasonOf: (error) => (error as Error).message,
    onDrift: ({ name }) => void found.push(name),
    onRoundFailed: () => expect.fail('no round failed'),
  });
  return { rounds, queues, settled, redis, found, failures, read, slow };
}

it('a queue that is not as its reconcile left it is found, unless it is reconciled meanwhile', async () => {
  const { rounds, queues, settled, redis, found } = stage(500);
  settled.begin(queues[3]!);
  redis.digestOf = (queue) => {
    if (queue.metadata.name === 'q5') settled.begin(queue);
    if (queue.metadata.name === 'q6') settled.settle(queue, 'newer');
    return ['q3', 'q5', 'q6', 'q450'].includes(queue.metadata.name) ? 'changed' : 'left';
  };
  await rounds.compareAll();
  expect(found).toEqual(['q450']);
});

it('a round over more queues than a turn takes goes on in the next one', async () => {
  const { rounds, queues, read } = stage(15_000);
  await rounds.compareAll();
  expect(read).toHaveLength(12_000);
  await rounds.compareAll();
  expect(new Set(read).size).toBe(queues.length);
  expect(read.slice(12_000, 15_000)).toEqual(queues.slice(12_000).map(({ metadata: { uid } }) => uid));
});

it('what Redis refuses, all its queues have to say; that it does not answer in time says nothing of them', async () => {
  const { rounds, redis, found, failures } = stage(300);
  const fail = (error: Error): Promise<void> => {
    redis.digestOf = () => {
      throw error;
    };
    return rounds.compareAll();
  };
  await fail(new Error('late'));
  expect(found).toEqual([]);
  await fail(Object.assign(new Error('NOPERM'), { name: 'ReplyError' }));
  expect(found).toHaveLength(300);
  expect(failures).toEqual(['late', 'NOPERM']);
});

it('a Redis that is slow to answer puts off the rounds of no other, has one turn at once and goes last from then on', async () => {
  vi.useFakeTimers();
  const { rounds, redis, read, slow } = stage(
    3,
    ({ metadata: { uid } }) => ['slow', 'good', 'missed'][Number(uid!.slice(1))]!,
  );
  redis.lasts = (key) => new Promise((resolve) => setTimeout(resolve, key === 'slow' ? 8_000 : 10));
  const end = new AbortController();
  const running = rounds.run(end.signal, 3_000);
  await vi.advanceTimersByTimeAsync(7_900);
  expect(read.filter((uid) => uid === 'u1')).toHaveLength(3);
  expect(read.filter((uid) => uid === 'u0')).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(read.filter((uid) => uid === 'u1')).toHaveLength(4);
  expect(read.filter((uid) => uid === 'u0')).toHaveLength(2);
  expect(slow).toEqual(['slow']);
  end.abort();
  await running;
});

it('a Redis whose turn was cut short goes on with it in the next round', async () => {
  const { rounds, redis, read } = stage(15_000);
  redis.lasts = () => new Promise((resolve) => setTimeout(resolve, 1));
  await rounds.compareAll();
  await rounds.compareAll();
  expect(new Set(read).size).toBe(15_000);
});

it('a Redis whose turn took more than a hundredth of the interval rests for a round', async () => {
  vi.useFakeTimers();
  const { rounds, redis, read } = stage(2, ({ metadata: { uid } }) => ['busy', 'quick'][Number(uid!.slice(1))]!);
  redis.lasts = (key) => new Promise((resolve) => setTimeout(resolve, key === 'busy' ? 40 : 20));
  const end = new AbortController();
  const running = rounds.run(end.signal, 3_000);
  await vi.advanceTimersByTimeAsync(14_900);
  expect(read.filter((uid) => uid === 'u1')).toHaveLength(5);
  expect(read.filter((uid) => uid === 'u0')).toHaveLength(3);
  end.abort();
  await running;
});

it('a Redis that had no turn in a round is there in the next', async () => {
  let turns = 0;
  const { rounds, read } = stage(1, () => (turns++ === 0 ? 'missed' : 'redis'));
  await rounds.compareAll();
  await rounds.compareAll();
  expect(read).toEqual(['u0']);
});
