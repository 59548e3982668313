import { FlowProducer } from 'bullmq';
import { eventually } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { costOf, PATIENCE, PATIENT, PodTestbed, type Pod } from './testbed.ts';

const bed = PodTestbed.each();
const ENDLESS = { runMs: 600_000 };

/** Two SIGTERMs: hands back without waiting for grace period and drain time. */
async function leaveAtOnce(pod: Pod): Promise<void> {
  pod.process.kill('SIGTERM');
  await pod.process.waitForLine(/"draining"/, PATIENCE);
  pod.process.kill('SIGTERM');
  expect(await pod.process.exited).toEqual({ code: 0, signal: null });
}

describe('jobs that are handed back', () => {
  it('stand at the front of their queue in the order in which they had started', async () => {
    const pod = await bed.readyPod('pod-0', PATIENT);
    const { a } = bed.queues;
    const ids = await bed.add(a, 4, ENDLESS);
    await bed.untilStarted(a, 4);
    const [behind] = await bed.add(a, 1, { runMs: 0 });
    await leaveAtOnce(pod);
    const startOrder = (await bed.startOrder()).map((key) => key.replace('a:', ''));
    expect(startOrder.toSorted()).toEqual(ids.toSorted());
    // the right end of the list is next
    expect((await bed.redis.lrange('bull:a:wait', 0, '-1')).toReversed()).toEqual([...ids, behind]);
  });

  it('stand before the others of their priority, behind more urgent ones', async () => {
    const pod = await bed.readyPod('pod-0', { ...PATIENT, RQ_CONCURRENCY: '1' });
    const { a } = bed.queues;
    const [running] = await bed.add(a, 1, ENDLESS, { priority: 5 });
    await bed.untilStarted(a, 1);
    const [same] = await bed.add(a, 1, ENDLESS, { priority: 5 });
    const [urgent] = await bed.add(a, 1, ENDLESS, { priority: 1 });
    await leaveAtOnce(pod);
    expect(await bed.redis.zrange('bull:a:prioritized', 0, '-1')).toEqual([urgent, running, same]);
  });

  it('leave a wake-up for the pods that wait, also when they have a priority', async () => {
    const pod = await bed.readyPod('pod-0', PATIENT);
    const { a } = bed.queues;
    await bed.add(a, 1, ENDLESS, { priority: 5 });
    await bed.untilStarted(a, 1);
    // The pod takes it away when it looks for more.
    await eventually(async () => (await bed.redis.zcard('bull:a:marker')) === 0, PATIENCE);
    await leaveAtOnce(pod);
    expect(await bed.redis.zrange('bull:a:marker', 0, '-1')).toEqual(['0']);
  });

  it('keep the attempts that they have made and those that they have left', async () => {
    const pod = await bed.readyPod('pod-0', PATIENT);
    const { a } = bed.queues;
    const [id] = await bed.add(a, 1, { runMs: 800, failTimes: 1 }, { attempts: 3, backoff: 10, delay: 10 });
    await bed.untilStarted(a, 2);
    await leaveAtOnce(pod);
    expect(await costOf(a, id!)).toEqual({ state: 'waiting', attempts: 1, stalls: 0, starts: 2 });
    await bed.readyPod('pod-1');
    await bed.untilFinished(1);
    await eventually(async () => (await a.getCompletedCount()) === 1, PATIENCE);
    expect(await costOf(a, id!)).toEqual({ state: 'completed', attempts: 2, stalls: 0, starts: 3 });
  });

  it('keep their place in a flow: parents and children', async () => {
    const flows = new FlowProducer({ connection: bed.redis });
    const { a, b } = bed.queues;
    const flow = await flows.add({
      name: 'parent',
      queueName: 'a',
      data: { runMs: 500 },
      children: [{ name: 'child', queueName: 'b', data: { runMs: 500 } }],
    });
    const first = await bed.readyPod('pod-0', PATIENT);
    await bed.untilStarted(b, 1);
    await leaveAtOnce(first);
    expect(await costOf(b, flow.children![0]!.job.id!)).toMatchObject({ state: 'waiting', attempts: 0, stalls: 0 });
    expect(await flow.job.getState()).toBe('waiting-children');

    const second = await bed.readyPod('pod-1', PATIENT);
    await bed.untilStarted(a, 1);
    await leaveAtOnce(second);
    expect(await costOf(a, flow.job.id!)).toMatchObject({ state: 'waiting', attempts: 0, stalls: 0 });

    await bed.readyPod('pod-2');
    await eventually(async () => (await flow.job.getState()) === 'completed', PATIENCE);
    expect(Object.values(await flow.job.getChildrenValues())).toEqual([flow.children![0]!.job.id]);
    expect(await bed.redis.hgetall('finished')).toEqual({
      [`a:${flow.job.id}`]: '1',
      [`b:${flow.children![0]!.job.id}`]: '1',
    });
  });

  it('wait in a paused queue, and in a queue at its rate limit, like its other jobs', async () => {
    const pod = await bed.readyPod('pod-0', PATIENT);
    const { a, b } = bed.queues;
    await b.setGlobalRateLimit(1, 1_000);
    const [paused] = await bed.add(a, 1, ENDLESS);
    const [limited] = await bed.add(b, 1, ENDLESS);
    await bed.untilStarted(a, 1);
    await bed.untilStarted(b, 1);
    await a.pause();
    await leaveAtOnce(pod);
    expect(await costOf(a, paused!)).toEqual({ state: 'waiting', attempts: 0, stalls: 0, starts: 1 });
    for (const job of [await a.getJob(paused!), await b.getJob(limited!)]) await job!.updateData({ runMs: 0 });
    await bed.readyPod('pod-1');
    await bed.untilFinished(1);
    expect(await bed.redis.hkeys('finished')).toEqual([`b:${limited}`]);
    expect(await costOf(a, paused!)).toMatchObject({ state: 'waiting', starts: 1 });
    await a.resume();
    await bed.untilFinished(2);
  });

  it('or finish in that very moment are recorded exactly once, as the one or the other', async () => {
    const { a } = bed.queues;
    // jobs end around the moment, 2,400 ms after SIGTERM, in which the pod hands back
    const ids: string[] = [];
    for (let runMs = 2_000; runMs < 3_000; runMs += 5) {
      ids.push(...(await bed.add(a, 1, { runMs, ignoreSignal: true })));
    }
    const pod = await bed.readyPod('pod-0', { RQ_CONCURRENCY: '200' });
    await bed.untilStarted(a, 200);
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    const completed = (await a.getCompleted()).map(({ id }) => id!);
    const waiting = (await a.getWaiting()).map(({ id }) => id!);
    expect([...completed, ...waiting].toSorted()).toEqual(ids.toSorted());
    expect(await a.getJobCounts('active', 'failed')).toEqual({ active: 0, failed: 0 });
    await bed.readyPod('pod-1', { RQ_CONCURRENCY: '200' });
    await eventually(async () => (await a.getCompletedCount()) === 200, PATIENCE);
    for (const job of await a.getCompleted()) {
      expect({ id: job.id, attempts: job.attemptsMade, stalls: job.stalledCounter }).toEqual({
        id: job.id,
        attempts: 1,
        stalls: 0,
      });
    }
  });
});
