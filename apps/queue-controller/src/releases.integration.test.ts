import type { RunningController } from '@redis-queue/rig/controllers';
import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LATER_MS, runController, testCluster, type TestCluster } from './testing/cluster.ts';

// Decision 105: two releases, each for its own namespaces, govern queues of one Redis and see nothing of each other's Queues.

let t: TestCluster;
let namespaces: string[];
let releases: RunningController[];
/** By how much longer ago deletions seem to the first release. */
let aheadMs = 0;
beforeAll(async () => {
  t = await testCluster();
  namespaces = [await t.namespace(), await t.namespace()];
  // To the second one, whose Queue waits, that would look like a wait of a minute, after which it looks again once per minute.
  const ahead = [() => aheadMs, () => 0];
  releases = await Promise.all(namespaces.map((namespace, index) => runController(t, ahead[index], [namespace])));
});
afterAll(async () => {
  await Promise.all((releases ?? []).map((release) => release.stop()));
  await t?.[Symbol.asyncDispose]();
});

const spec = { deletionPolicy: 'Delete', globalConcurrency: 4 } as const;

it('a Queue that moves from one release to the other keeps its data, and the other governs it', async () => {
  const old = await t.queue(namespaces[0]!, 'moved', spec);
  await t.settled(old, 'Applied');
  await t.redis.lpush('bull:moved:wait', 'a', 'b');
  const moved = await t.queue(namespaces[1]!, 'moved', spec);
  await t.settled(moved, 'WaitingForOwner');
  await eventually(async () => Object.keys(await t.meta('moved')).includes('redis-queue:claims'));
  // A minute and more after its deletion, as the release sees it.
  aheadMs = LATER_MS;
  await t.remove(old);
  await t.gone(old);
  await t.settled(moved, 'Applied');
  expect(await t.redis.lrange('bull:moved:wait', 0, -1)).toEqual(['b', 'a']);
  expect(JSON.parse((await t.meta('moved'))['redis-queue:owner']!)).toMatchObject({
    owner: expect.stringContaining(`/${namespaces[1]}/moved`),
  });
  const events = await t.eventsOf(old);
  expect(events.find(({ reason }) => reason === 'DataRetained')).toMatchObject({ type: 'Warning' });
});

it('who has claimed the queue and is gone keeps nobody from removing it', async () => {
  const queue = await t.queue(namespaces[0]!, 'left', spec);
  await t.settled(queue, 'Applied');
  const claimant = await t.queue(namespaces[1]!, 'left', spec);
  await t.settled(claimant, 'WaitingForOwner');
  await eventually(async () => Object.keys(await t.meta('left')).includes('redis-queue:claims'));
  await t.remove(claimant);
  await t.gone(claimant);
  aheadMs = LATER_MS;
  await t.remove(queue);
  await t.gone(queue);
  expect(await t.redis.keys('bull:left:*')).toEqual([]);
});
