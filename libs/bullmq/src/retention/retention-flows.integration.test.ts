import { FlowProducer } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanFinished, type CleanOptions } from './retention.ts';
import { completed, failed, HOUR, keysOf, ours, runAll } from '../testing/test-retention.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

describe('flows', () => {
  test('a failed child stays while its parent may want its retry, and goes when the parent has finished', async () => {
    const { ref, queue } = await ours(t, 'children');
    const parents = t.producer({ prefix: 'bull', name: 'parents' });
    const flows = new FlowProducer({ connection: t.redis });
    await flows.add({
      name: 'parent',
      queueName: 'parents',
      opts: { jobId: 'parent' },
      children: [
        { name: 'good', queueName: 'children', opts: { jobId: 'good' } },
        { name: 'bad', queueName: 'children', opts: { jobId: 'worse' } },
      ],
    });
    await runAll(t, ref, 2);
    expect(await cleanFinished(t.redis, ref, failed)).toMatchObject({ removed: 0, left: 1 });
    expect(await cleanFinished(t.redis, ref, completed)).toMatchObject({ removed: 1, left: 0 });
    const parent = await parents.getJob('parent');
    expect(await parent?.getState()).toBe('waiting-children');
    expect(await parent?.getChildrenValues()).toEqual({ 'bull:children:good': { of: 'good' } });
    // The parent goes on once the child has been retried and ends well.
    const child = await queue.getJob('worse');
    await t.redis.hset('bull:children:worse', 'name', 'better');
    await child!.retry('failed');
    await runAll(t, ref, 1);
    await runAll(t, { prefix: 'bull', name: 'parents' }, 1);
    expect(await parent?.getState()).toBe('completed');
  });

  test('a parent that failed stays while a child is not finished, and both go in the end', async () => {
    const { ref } = await ours(t, 'family');
    const flows = new FlowProducer({ connection: t.redis });
    await flows.add({
      name: 'parent',
      queueName: 'family',
      opts: { jobId: 'parent' },
      children: [
        { name: 'bad', queueName: 'family', opts: { jobId: 'bad', failParentOnFailure: true } },
        { name: 'later', queueName: 'family', opts: { jobId: 'later', delay: HOUR } },
      ],
    });
    await runAll(t, ref, 2);
    expect(await t.redis.zrange('bull:family:failed', 0, '-1')).toEqual(['bad', 'parent']);
    expect(await cleanFinished(t.redis, ref, failed)).toMatchObject({ removed: 1, left: 1 });
    expect(await t.redis.zrange('bull:family:failed', 0, '-1')).toEqual(['parent']);
    await t.redis.zadd('bull:family:delayed', 1, 'later');
    await runAll(t, ref, 1);
    expect(await cleanFinished(t.redis, ref, failed)).toMatchObject({ removed: 1 });
    expect(await cleanFinished(t.redis, ref, completed)).toMatchObject({ removed: 1 });
    expect((await keysOf(t, 'family')).filter((key) => /bad|later|parent/.test(key))).toEqual([]);
  });

  test('with dead letters on, only failed jobs of flows are removed', async () => {
    const { ref, queue } = await ours(t, 'dead');
    const flows = new FlowProducer({ connection: t.redis });
    await queue.add('bad', {}, { jobId: 'alone' });
    await flows.add({
      name: 'bad',
      queueName: 'dead',
      opts: { jobId: 'parent' },
      children: [{ name: 'good', queueName: 'dead', opts: { jobId: 'child' } }],
    });
    await runAll(t, ref, 3);
    const options: CleanOptions = { ...failed, leavesDeadLetters: true };
    expect(await cleanFinished(t.redis, ref, options)).toMatchObject({ removed: 1, left: 1 });
    expect(await t.redis.zrange('bull:dead:failed', 0, '-1')).toEqual(['alone']);
  });
});
