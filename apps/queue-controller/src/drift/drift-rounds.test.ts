import type { QueueObject } from '@redis-queue/redis-access';
import { expect, it } from 'vitest';
import { queueObject } from '../testing/queues.ts';
import type { DriftGroup } from './due-groups.ts';
import { DriftRounds } from './drift-rounds.ts';
import { SettledQueues } from './settled-queues.ts';

/** Rounds over queues of one Redis, all of which a reconcile has left with `left`. */
function stage(count: number) {
  const queues = Array.from(
    { length: count },
    (_, n) => queueObject({}, { name: `q${n}`, uid: `u${n}` }) as QueueObject,
  );
  const settled = new SettledQueues();
  for (const queue of queues) settled.settle(queue, 'left');
  const found: string[] = [];
  const failures: string[] = [];
  const read: string[] = [];
  const redis: { digestOf: (queue: QueueObject) => string } = { digestOf: () => 'left' };
  const rounds = new DriftRounds<DriftGroup>({
    settled,
    metrics: { driftCheckTook: () => {}, driftCheckFailed: (reason) => void failures.push(reason) },
    listQueues: () => queues,
    groupsOf: (members) => [{ key: 'redis', namespace: 'shop', queues: members }],
    inTurns: async (groups, compare) => {
      for (const group of groups) await compare(group);
    },
    digest: (_, members) => {
      read.push(...members.map(({ metadata: { uid } }) => uid!));
      return Promise.resolve().then(() => members.map((queue) => redis.digestOf(queue)));
    },
    reasonOf: (error) => (error as Error).message,
    onDrift: ({ name }) => void found.push(name),
    onRoundFailed: () => expect.fail('no round failed'),
  });
  return { rounds, queues, settled, redis, found, failures, read };
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
