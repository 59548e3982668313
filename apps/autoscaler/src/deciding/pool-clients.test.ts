import type { SpeakingClients } from '@redis-queue/scaling-bus';
import { expect, it } from 'vitest';
import type { ScaledPool, WatchedQueue } from '../watching/topology.ts';
import { PoolClients } from './pool-clients.ts';

const queues = new Map(['a', 'b'].map((id) => [id, { id, targetKey: `redis-${id}` } as WatchedQueue]));
const pool = (key: string, id: string, over: Partial<ScaledPool> = {}): ScaledPool =>
  ({ key, uid: `uid-${key}`, replaceStuck: true, queues: [{ queue: 'emails', id }], ...over }) as ScaledPool;

it('asks each Redis once a minute for all pools that want to know, and no other', async () => {
  let nowMs = 0;
  const asked: string[] = [];
  const answers: SpeakingClients[] = [];
  const clients = new PoolClients({
    now: () => nowMs,
    read: async (target) => {
      asked.push(target);
      answers.push({ idleSeconds: { '10.0.0.1': asked.length } });
      return answers.at(-1);
    },
  });
  const one = pool('shop/one', 'a');
  const two = pool('shop/two', 'a');
  const off = pool('shop/off', 'b', { replaceStuck: false });
  const read = (): Promise<void> =>
    clients.readDue([one, two, off, pool('shop/empty', 'b')], queues, (key) => key !== 'shop/empty');
  await read();
  await read();
  expect(asked).toEqual(['redis-a']);
  expect([clients.of(one), clients.of(two), clients.of(off)]).toEqual([answers[0], answers[0], undefined]);
  nowMs = 60_000;
  await read();
  expect(asked).toEqual(['redis-a', 'redis-a']);
  expect(clients.of(one)).toBe(answers[1]);
  expect(clients.of(pool('shop/one', 'a', { uid: 'another' }))).toBeUndefined();
  expect(clients.of({ ...one, replaceStuck: false })).toBeUndefined();
});

it('what was known stays while a Redis does not answer, and goes with the pool', async () => {
  let answer: SpeakingClients | undefined = { unknown: 'why' };
  let nowMs = 0;
  const clients = new PoolClients({ now: () => (nowMs += 60_000), read: async () => answer });
  const one = pool('shop/one', 'a');
  await clients.readDue([one], queues, () => true);
  answer = undefined;
  await clients.readDue([one], queues, () => true);
  expect(clients.of(one)).toEqual({ unknown: 'why' });
  await clients.readDue([one], queues, () => false);
  expect(clients.of(one)).toBeUndefined();
});

it('what cannot be read again is not known any more before a pod that came later counts as one without a connection', async () => {
  let nowMs = 0;
  const clients = new PoolClients({ now: () => nowMs, read: async () => ({ idleSeconds: { '10.0.0.1': 3 } }) });
  const one = pool('shop/one', 'a');
  await clients.readDue([one], queues, () => true);
  // Its Secret is gone: the pods work on, and nobody can see that.
  const unseen = { ...one, queues: [{ queue: 'emails', unseen: 'SecretMissing' }] } as unknown as ScaledPool;
  for (const minutes of [1, 2]) {
    nowMs = minutes * 60_000;
    await clients.readDue([unseen], queues, () => true);
    expect(clients.of(unseen)).toBeDefined();
  }
  nowMs = 3 * 60_000;
  await clients.readDue([unseen], queues, () => true);
  expect(clients.of(unseen)).toBeUndefined();
});
