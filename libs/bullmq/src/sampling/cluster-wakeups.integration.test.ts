import { eventually, startRedisCluster, type RedisCluster } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import { ClusterWakeups } from './cluster-wakeups.ts';
import { RedisConnections } from '../connections/connections.ts';
import { queueId, queueKey, type QueueRef } from '../redis/keys.ts';
import type { RedisAddress } from '../connections/target.ts';

const PATIENCE = { timeoutMs: 20_000, intervalMs: 10 };
/** On the three nodes, with the tag in the name or in the prefix. */
const QUEUES: readonly QueueRef[] = [
  { prefix: 'bull', name: '{q0}' },
  { prefix: 'bull', name: '{q1}' },
  { prefix: 'bull:{q3}', name: 'mails' },
];

let cluster: RedisCluster;
let target: RedisAddress;
const connections = new RedisConnections({ clientName: 'cluster-wakeups-test' });
const admins: Redis[] = [];

beforeAll(async () => {
  cluster = await startRedisCluster(3, { replicas: true, nodeTimeoutMs: 1_500 });
  const servers = cluster.shards.flatMap(({ primary, replica }) => [primary, replica!]);
  for (const { host, port } of servers) {
    const admin = new Redis({ host, port, retryStrategy: null });
    admin.on('error', () => undefined);
    admins.push(admin);
    await admin.call('ACL', 'SETUSER', 'reader', 'reset', 'on', '>pw', ...ACL_RULES.reader.split(' '));
  }
  target = { ...cluster.address, username: 'reader', password: 'pw', cluster: true };
});
afterAll(async () => {
  connections.close();
  for (const admin of admins) admin.disconnect();
  await cluster[Symbol.asyncDispose]();
});

/** Adds and removes as a producer and a worker do, at whichever node has the queue. */
const producer = (): Redis => connections.get({ ...cluster.address, cluster: true });

test('queues on all nodes wake at once, also after a slot was moved and after a node was taken over from', async () => {
  const woken = new Map<string, number>();
  const errors: unknown[] = [];
  let lost = 0;
  await using stack = new AsyncDisposableStack();
  const wakeups = new ClusterWakeups(target, {
    readSlots: () => connections.get(target).cluster('SLOTS'),
    onError: (error) => errors.push(error),
    onLost: () => (lost += 1),
  });
  stack.defer(() => wakeups.close());
  const arm = (queue: QueueRef) => wakeups.watch(queue, () => woken.set(queueId(queue), performance.now()));
  const allArmed = () =>
    eventually(async () => (await Promise.all(QUEUES.map(arm))).every((armed) => armed !== undefined), {
      ...PATIENCE,
      description: 'all to be armed',
    });
  const wakes = async (queue: QueueRef): Promise<void> => {
    woken.clear();
    await producer().lpush(queueKey(queue, 'wait'), '1');
    await eventually(() => woken.has(queueId(queue)), { ...PATIENCE, description: `${queue.name} to wake` });
    expect([...woken.keys()]).toEqual([queueId(queue)]);
  };

  await allArmed();
  expect(wakeups.live).toBe(true);
  for (const queue of QUEUES) await wakes(queue);
  expect(errors).toEqual([]);

  // The slot of a queue without jobs has no key whose move anything reports.
  const [moved, struckQueue] = QUEUES as [QueueRef, QueueRef];
  const [from, to] = await Promise.all([moved, struckQueue].map((queue) => cluster.shardOf(queueId(queue))));
  await producer().del(queueKey(moved, 'wait'));
  await eventually(() => woken.delete(queueId(moved)), { ...PATIENCE, description: 'the end of its jobs to wake' });
  await allArmed();
  await moveSlot(moved, from!.primary, to!.primary);
  await eventually(() => woken.delete(queueId(moved)), { ...PATIENCE, description: 'the move to be noticed' });
  await allArmed();
  await wakes(moved);

  const before = lost;
  await to!.primary.kill9();
  await eventually(() => lost > before && !wakeups.live, { ...PATIENCE, description: 'the loss to be said' });
  woken.clear();
  await eventually(() => wakeups.live && woken.has(queueId(struckQueue)), {
    ...PATIENCE,
    description: 'the queues to wake at the node that took over',
  });
  await allArmed();
  for (const queue of QUEUES) await wakes(queue);
});

test('without room for its connections a node is not connected to, and its queues are not armed', async () => {
  const open = new Set<string>();
  const wakeups = new ClusterWakeups(target, {
    readSlots: () => connections.get(target).cluster('SLOTS'),
    mayOpen: (node) => open.size < 1 && open.add(node) !== undefined,
    onClosed: (node) => open.delete(node),
  });
  const [first, ...others] = QUEUES.toReversed() as [QueueRef, ...QueueRef[]];
  await eventually(async () => (await wakeups.watch(first, () => {})) !== undefined, PATIENCE);
  expect(wakeups.live).toBe(true);
  expect(await Promise.all(others.map((queue) => wakeups.watch(queue, () => {})))).toContain(undefined);
  expect(wakeups.live).toBe(false);
  for (const queue of others) wakeups.unwatch(queue);
  expect(wakeups.live).toBe(true);
  wakeups.close();
  expect(open.size).toBe(0);
});

const adminOf = ({ port }: { readonly port: number }): Redis => admins.find(({ options }) => options.port === port)!;

async function moveSlot(
  queue: QueueRef,
  from: { readonly port: number },
  to: { readonly host: string; readonly port: number },
): Promise<void> {
  const [source, destination] = [adminOf(from), adminOf(to)];
  const slot = Number(await source.call('CLUSTER', 'KEYSLOT', queueKey(queue, 'wait')));
  const id = String(await destination.call('CLUSTER', 'MYID'));
  await destination.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(await source.call('CLUSTER', 'MYID')));
  await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', id);
  const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
  for (const key of keys) await source.call('MIGRATE', to.host, to.port, key, 0, 5_000);
  for (const admin of [destination, source]) await admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', id);
}
