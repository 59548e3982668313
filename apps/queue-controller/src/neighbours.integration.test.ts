import { createServer, type AddressInfo, type Socket } from 'node:net';
import { QUEUES } from '@redis-queue/api';
import { findCondition, keyOf, NAMESPACES } from '@redis-queue/controller';
import { eventually, freePort, startRedis, startRoughProxy, startSilentServer } from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { runController, testCluster, type StoredQueue, type TestCluster } from './testing/cluster.ts';

// Walls 1 to 3 and 6: whatever the Redis of other tenants does, a good one notices nothing, and their queues say what is wrong.

/** What a good queue waits for at most; ten times as long as it takes on a busy machine. */
const PROMPT = { timeoutMs: 5_000 };
/** Whatever fails, the conditions say so within 10 s; half as much again for a busy machine. */
const SAID = { timeoutMs: 15_000 };

let t: TestCluster;
let controller: RunningController;
let good: StoredQueue;
let hostile: StoredQueue[] = [];
beforeAll(async () => {
  t = await testCluster();
  controller = await runController(t);
});
afterAll(async () => {
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  good = await t.queue(await t.namespace(), 'good', { globalConcurrency: 2 });
  await t.settled(good, 'Applied');
});
afterEach(async () => {
  await deleteAll([good, ...hostile]);
  hostile = [];
});

async function deleteAll(queues: StoredQueue[]): Promise<void> {
  await forEach(queues, (queue) => t.client.delete(QUEUES, keyOf(queue)));
}

/** A few at a time, so that the API server of a busy machine answers each in time. */
async function forEach<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += 25) {
    // oxlint-disable-next-line no-await-in-loop -- one batch after the other
    results.push(...(await Promise.all(items.slice(from, from + 25).map(act))));
  }
  return results;
}

let tenants = 0;
/** A namespace, with `count` queues on the Redis that the credentials lead to. */
async function tenant(
  credentials: Record<string, string>,
  count = 1,
  specOf: (index: number) => StoredQueue['spec'] = () => ({}),
): Promise<StoredQueue[]> {
  const name = `tenant-${tenants++}`;
  await t.client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await t.secret(name, credentials);
  const created = await forEach([...Array(count).keys()], (index) =>
    t.queue(name, `${name}-${index}`, { globalConcurrency: 1, ...specOf(index) }),
  );
  hostile.push(...created);
  return created;
}

const loopback = (port: number): Record<string, string> => ({ 'redis-host': '127.0.0.1', 'redis-port': String(port) });

/** Five changes of the good queue, one after the other. */
async function changesOfGood(): Promise<void> {
  for (let value = 3; value < 8; value++) {
    const spec = { globalConcurrency: value };
    const changed = await t.client.mergePatch<StoredQueue>(QUEUES, keyOf(good), { spec });
    await t.rig.objects.settled(QUEUES, changed, 'Applied', PROMPT);
    expect(await t.redis.hget('bull:good:meta', 'concurrency')).toBe(String(value));
  }
}

/** A new Queue of another namespace, and changes of a known one, at the same time. */
async function othersAreServed(): Promise<void> {
  await Promise.all([newQueueOfAnother(), changesOfGood()]);
  const { status } = await t.read(good);
  expect(findCondition(status?.conditions, 'Ready')?.status).toBe('True');
}

async function newQueueOfAnother(): Promise<void> {
  const other = await t.queue(await t.namespace(), 'other', { globalConcurrency: 2 });
  await t.rig.objects.settled(QUEUES, other, 'Applied', PROMPT);
  await deleteAll([other]);
}

const underName = (index: number): StoredQueue['spec'] => ({
  redis: { tls: { enabled: true, serverName: `n${index}` } },
});

const NOT_YET = new Set(['Pending', 'SecretNotFound']);

/** Waits until the conditions of all of them speak of their generation. @returns the reasons that were given first */
async function reasonsOf(queues: StoredQueue[]): Promise<Set<string>> {
  const said = new Map<string, string>();
  await eventually(async () => {
    for (const { metadata, status } of (await t.client.list<StoredQueue>(QUEUES, {})).items) {
      const ready = findCondition(status?.conditions, 'Ready');
      // The controller may see a Queue before the Secret that was created just before it.
      if (!ready || NOT_YET.has(ready.reason) || ready.observedGeneration !== metadata.generation) continue;
      if (!said.has(metadata.uid!)) said.set(metadata.uid!, ready.reason);
    }
    const silent = queues.filter(({ metadata }) => !said.has(metadata.uid!));
    if (silent.length > 0) throw new Error(`${silent.length} of ${queues.length} say nothing`);
    return true;
  }, SAID);
  return new Set(queues.map(({ metadata }) => said.get(metadata.uid!)!));
}

it('a Redis Cluster without a node that can be reached, of twenty tenants', async () => {
  const credentials = { ...loopback(await freePort()), 'redis-cluster': 'true' };
  const logins = Array.from({ length: 20 }, (_, index) => ({
    'redis-username': `tenant-${index}`,
    'redis-password': 'x',
  }));
  const queues = (await Promise.all(logins.map((login) => tenant({ ...credentials, ...login })))).flat();
  await othersAreServed();
  expect(await reasonsOf(queues)).toEqual(new Set(['RedisUnreachable']));
});

it('servers that take connections and say nothing, of a hundred tenants', async () => {
  await using servers = new AsyncDisposableStack();
  const queues = await Promise.all(
    Array.from({ length: 100 }, async () => tenant(loopback(servers.use(await startSilentServer()).port))),
  );
  await othersAreServed();
  expect(await reasonsOf(queues.flat())).toEqual(new Set(['RedisUnreachable']));
  const sampled = await eventually(async () => (await t.read(good)).status?.sampledAt);
  expect(sampled).toBeDefined();
});

it('one server that says nothing, under 200 names: a tenant’s queues wait for each other, and say so', async () => {
  await using silent = await startSilentServer();
  const queues = await tenant(loopback(silent.port), 200, underName);
  await othersAreServed();
  expect(await reasonsOf(queues)).toEqual(new Set(['RedisUnreachable', 'WaitingForTurn']));
});

it('servers that answer after two seconds, with more queues than the controller reconciles at once', async () => {
  await using servers = new AsyncDisposableStack();
  const slow = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const { port } = servers.use(await startRoughProxy(t.server.port, { delayMs: 2_000 }));
      return await tenant(loopback(port), 60, () => ({ globalConcurrency: undefined }));
    }),
  );
  const served = await Promise.all(slow.map(async ([first]) => await t.settled(first!, 'Applied')));
  expect(served).toHaveLength(3);
  await othersAreServed();
});

it('a server that drops each connection after a few replies, with 400 queues', async () => {
  await using flapping = await startRoughProxy(t.server.port, { dropAfterReplies: 4 });
  const [first] = await tenant(loopback(flapping.port), 400);
  expect(await t.settled(first!, 'Applied')).toBeDefined();
  await othersAreServed();
});

it('an outage has ended in the conditions of all its queues 10 s after the Redis is back', async () => {
  await using server = await startRedis();
  const queues = await tenant(loopback(server.port), 40);
  for (const queue of queues) await t.settled(queue, 'Applied');
  await server.kill9();
  for (const queue of queues) await t.settled(queue, 'RedisUnreachable');
  await server.restart();
  const back = await Promise.all(queues.map((queue) => t.rig.objects.settled(QUEUES, queue, 'Applied', SAID)));
  expect(back).toHaveLength(40);
});

it('a server that announces more elements than an array can have, whatever it is asked', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.on('data', () => socket.write('*9999999999\r\n'));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const queues = await tenant(loopback(port), 9);
  expect(await reasonsOf(queues)).toEqual(new Set(['QueueUnreadable']));
  await othersAreServed();
  for (const socket of sockets) socket.destroy();
  server.close();
});
