import { FlowProducer } from 'bullmq';
import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { queueId, type QueueRef } from '../redis/keys.ts';
import type { QueueRecord } from '../snapshot/records.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { beginRestore } from './begin-restore.ts';
import { completeRestore } from './complete-restore.ts';
import { OpenFlowError } from './flow-links.ts';
import { recordsOf, restoreAll, writerOf } from './restore.fixture.ts';

let t: TestRedis;
let flows: FlowProducer;
beforeAll(async () => {
  t = await testRedis();
  flows = new FlowProducer({ connection: t.redis });
});
afterAll(() => t[Symbol.asyncDispose]());

const ref = (name: string, prefix = 'bull'): QueueRef => ({ prefix, name });

/** A parent with children `a` and `b`, and what a backup has of both queues. */
async function family(name: string, childOptions: Record<string, unknown> = {}) {
  const [parents, children] = [ref(`${name}-parents`), ref(`${name}-children`)];
  const child = (id: string) => ({ name: id, queueName: children.name, opts: { jobId: id, ...childOptions } });
  await flows.add({
    name: 'parent',
    queueName: parents.name,
    opts: { jobId: 'parent' },
    children: [child('a'), child('b')],
  });
  const read = async () => ({
    parents: await recordsOf(t.redis, parents),
    children: await recordsOf(t.redis, children),
  });
  return { parents, children, read };
}

const to = (queue: QueueRef): QueueRef => ref(queue.name, 'copy');
const rename = (queueKey: string): string => queueKey.replace('bull:', 'copy:');

/** Restores both queues under another prefix, and resumes the parents'. */
async function restoreFamily(
  { parents, children }: { parents: QueueRef; children: QueueRef },
  records: { parents: QueueRecord[]; children: QueueRecord[] },
) {
  await restoreAll(records.parents, { redis: t.redis, target: to(parents), from: parents, rename });
  await restoreAll(records.children, { redis: t.redis, target: to(children), from: children, rename });
  return {
    base: `${queueId(to(parents))}:`,
    child: (id: string) => `${queueId(to(children))}:${id}`,
    completion: await completeRestore(t.redis, to(parents), 'r-1', { resume: true }),
  };
}

async function runChildren(children: QueueRef, jobs: number, fail = false): Promise<void> {
  let ran = 0;
  const worker = t.worker(children, async () => {
    ran++;
    if (fail) throw new Error('so it is');
    return 'result';
  });
  const finished = fail ? 'failed' : 'completed';
  await eventually(async () => ran >= jobs && (await t.redis.zcard(`${queueId(children)}:${finished}`)) >= jobs, {
    timeoutMs: 10_000,
  });
  await worker.close();
}

describe('a flow parent, when its queue is resumed,', () => {
  test('waits for children that are there', async () => {
    const both = await family('whole');
    const { base, child, completion } = await restoreFamily(both, await both.read());
    expect(completion).toEqual({ outcome: 'resumed', releasedParents: 0 });
    expect((await t.redis.smembers(`${base}parent:dependencies`)).toSorted()).toEqual([child('a'), child('b')]);
    expect(await t.redis.zcard(`${base}waiting-children`)).toBe(1);
    expect(JSON.parse((await t.redis.hget(child('a'), 'parent'))!)).toMatchObject({ queueKey: base.slice(0, -1) });
    await completeRestore(t.redis, ref('whole-children', 'copy'), 'r-1', { resume: true });
    await runChildren(ref('whole-children', 'copy'), 2);
    expect(await t.redis.lrange(`${base}wait`, 0, -1)).toEqual(['parent']);
  });

  test('has what children returned that ended between the two queues, and runs', async () => {
    const both = await family('between');
    const { parents } = await both.read();
    await runChildren(both.children, 2);
    const { children } = await both.read();
    const { base, child, completion } = await restoreFamily(both, { parents, children });
    expect(completion).toMatchObject({ releasedParents: 1 });
    expect(await t.redis.lrange(`${base}wait`, 0, -1)).toEqual(['parent']);
    expect(await t.redis.hgetall(`${base}parent:processed`)).toEqual({
      [child('a')]: '"result"',
      [child('b')]: '"result"',
    });
  });

  test('does not wait for children that are in no backup, nor when its last child ended while it was read', async () => {
    const both = await family('absent');
    const { parents, children } = await both.read();
    const none = children.filter(({ kind }) => kind === 'queue');
    const { base, completion } = await restoreFamily(both, { parents, children: none });
    expect(completion).toMatchObject({ releasedParents: 1 });
    expect(await t.redis.exists(`${base}parent:dependencies`)).toBe(0);
    expect(await t.redis.lrange(`${base}wait`, 0, -1)).toEqual(['parent']);

    const empty = await family('empty');
    const read = await empty.read();
    const ended = read.parents.map((record) => {
      if (record.kind !== 'job') return record;
      const { dependencies: _, ...job } = record;
      return job;
    });
    const { completion: released } = await restoreFamily(empty, { parents: ended, children: read.children });
    expect(released).toMatchObject({ releasedParents: 1 });
  });

  test.each([
    ['failParentOnFailure', 1, { unsuccessful: 1 }],
    ['ignoreDependencyOnFailure', 1, { failed: 2 }],
    ['removeDependencyOnFailure', 1, {}],
    ['continueParentOnFailure', 1, { failed: 1 }],
    ['attempts', 0, {}],
  ])(
    'whose children failed in between, with %s, is released as BullMQ would have',
    async (option, releasedParents, left) => {
      const both = await family(`failed-${option}`, { [option]: option === 'attempts' ? 1 : true });
      const { parents } = await both.read();
      await runChildren(both.children, 2, true);
      const { children } = await both.read();
      const { base, completion } = await restoreFamily(both, { parents, children });
      expect(completion).toMatchObject({ releasedParents });
      const counts = {
        unsuccessful: await t.redis.zcard(`${base}parent:unsuccessful`),
        failed: await t.redis.hlen(`${base}parent:failed`),
      };
      expect(counts).toEqual({ unsuccessful: 0, failed: 0, ...left });
      expect(await t.redis.hexists(`${base}parent`, 'defa')).toBe(option === 'failParentOnFailure' ? 1 : 0);
    },
  );
});

test('a flow with a queue that is not restored is refused, or cut', async () => {
  const both = await family('cut');
  const { parents, children } = await both.read();
  const refused = { redis: t.redis, target: ref('cut-parents', 'refused'), from: both.parents };
  await beginRestore(t.redis, refused.target, 'r-1');
  await expect(writerOf(refused).write(parents)).rejects.toThrow(OpenFlowError);

  const target = (queue: QueueRef) => ({ redis: t.redis, target: ref(queue.name, 'cut'), from: queue });
  await restoreAll(parents, { ...target(both.parents), openFlows: 'Detach' });
  await restoreAll(children, { ...target(both.children), openFlows: 'Detach' });
  expect(await completeRestore(t.redis, ref('cut-parents', 'cut'), 'r-1', { resume: true })).toMatchObject({
    releasedParents: 1,
  });
  expect(await t.redis.lrange('cut:cut-parents:wait', 0, -1)).toEqual(['parent']);
  expect(await t.redis.hmget('cut:cut-children:a', 'name', 'parentKey', 'parent')).toEqual(['a', null, null]);
});
