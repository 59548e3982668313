import { QUEUES, type QueueStatus } from '@redis-queue/api';
import { findCondition, SECRETS } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import { contradictions, healthOf, recordHealth, type Health, type Recording } from '@redis-queue/rig/controllers';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MOVE_MS } from './ownership/ownership.ts';
import { LATER_MS, runController, testCluster, type StoredQueue, type TestCluster } from './testing/cluster.ts';

// What kstatus and Argo CD, each by its own code, say of every state in the life of a Queue.

const SLOW = { timeoutMs: 60_000 };
/** What Ready may say when Redis went away, depending on where it was noticed. */
const REDIS_GONE = new Set(['RedisUnreachable', 'RedisBusy', 'ReconcileTimeout']);

let t: TestCluster;
let controller: RunningController;
let namespace: string;
let recording: Recording;
/** How far the controller's clock is ahead. */
let aheadMs = LATER_MS;
beforeAll(async () => {
  t = await testCluster();
  namespace = await t.namespace();
  recording = await recordHealth(t.client, QUEUES, namespace);
  controller = await runController(t, () => aheadMs);
});
afterAll(async () => {
  recording?.stop();
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

const brief = ({ kstatus, argo }: Health): string => `${kstatus} ${argo}`;
const because =
  (reason: string) =>
  ({ conditions }: QueueStatus): boolean =>
    findCondition(conditions, 'Ready')?.reason === reason;
const says =
  (type: string, status: string) =>
  ({ conditions }: QueueStatus): boolean =>
    findCondition(conditions, type)?.status === status;

it('a Queue is in progress, healthy and degraded at the right moments', { timeout: 180_000 }, async () => {
  const life: Health[] = [];
  /** Waits until the newest status is so, and returns what was said of the queue meanwhile, each in its order and once. */
  const until = async (queue: StoredQueue, holds: (status: QueueStatus) => boolean): Promise<string[]> => {
    const { uid, generation, resourceVersion } = await eventually(async () => {
      const { status = {}, metadata } = await t.read(queue);
      if (status.observedGeneration === metadata.generation && holds(status)) return metadata;
      throw new Error(JSON.stringify(status));
    }, SLOW);
    const states = await recording.next(resourceVersion);
    life.push(...states);
    // Counts may have been written before the change that is waited for.
    const ofIt = states.filter(
      ({ object: { metadata } }) => metadata.uid === uid && metadata.generation === generation,
    );
    const said = ofIt.map(brief);
    return said.filter((each, index) => each !== said[index - 1]);
  };
  const { host, port } = t.server;
  const credentials = { 'redis-host': host, 'redis-port': String(port) };

  await t.client.delete(SECRETS, { namespace, name: 'redis-credentials' });
  const queue = await t.queue(namespace, 'life', { deletionPolicy: 'Delete' });
  // What is still to be created is no failure.
  expect(await until(queue, because('SecretNotFound'))).toEqual(['InProgress Progressing']);
  await t.secret(namespace, credentials);
  expect((await until(queue, because('Applied'))).at(-1)).toBe('Current Healthy');
  await t.patch(queue, { spec: { rateLimits: { maxJobsPerSecond: 10 } } });
  expect(await until(queue, because('Applied'))).toEqual(['InProgress Progressing', 'Current Healthy']);

  await t.server.kill9();
  const lost = await until(queue, says('Available', 'False'));
  expect(lost.at(-1)).toBe('InProgress Degraded');
  await t.server.restart();
  expect((await until(queue, (status) => because('Applied')(status) && says('Degraded', 'False')(status))).at(-1)).toBe(
    'Current Healthy',
  );

  // A sampler that is refused leaves the spec in effect, and the counts old.
  await t.secret(namespace, { ...credentials, 'redis-username': 'reader', 'redis-password': 'wrong' }, 'second');
  await t.patch(queue, { spec: { redis: { secretRefs: { sampler: { name: 'second' } } } } });
  expect((await until(queue, says('SamplingFailed', 'True'))).at(-1)).toBe('Current Degraded');
  await t.patch(queue, { spec: { redis: null } });
  expect((await until(queue, says('Degraded', 'False'))).at(-1)).toBe('Current Healthy');

  // Whoever governs it, the queue serves; this object is new and waits, and later does not take effect until somebody acts.
  const second = await t.queue(namespace, 'second', { name: 'life-2' });
  await until(second, because('Applied'));
  const other = await t.queue(await t.namespace(), 'rival', { name: 'life-2' });
  const waits = await t.settled(other, 'WaitingForOwner');
  expect((await healthOf([waits])).map(brief)).toEqual(['InProgress Progressing']);
  aheadMs = MOVE_MS;
  await t.patch(other, { spec: { globalConcurrency: 5 } });
  await t.settled(other, 'Conflict');
  const conflict = await t.read(other);
  expect(findCondition(conflict.status?.conditions, 'Available')?.status).toBe('True');
  expect((await healthOf([conflict])).map(brief)).toEqual(['Failed Degraded']);

  await t.remove(queue);
  await t.gone(queue);
  const leaving = (await recording.next()).filter(({ object }) => object.metadata.uid === queue.metadata.uid);
  expect([...new Set(leaving.map(brief))]).toEqual(['Terminating Progressing']);
  expect(contradictions([...life, ...leaving], REDIS_GONE)).toEqual([]);
});
