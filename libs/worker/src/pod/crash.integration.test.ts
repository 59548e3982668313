import { eventually } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { costOf, PATIENCE, PATIENT, PodTestbed, SHORT_LOCKS } from './testbed.ts';

const bed = PodTestbed.each();
const ENDLESS = { runMs: 600_000 };

describe('a pod that is killed', () => {
  it('has its jobs, of every queue, run by another pod: each counts a stall and no attempt', async () => {
    const pod = await bed.readyPod('pod-0', PATIENT, SHORT_LOCKS);
    const { a, b } = bed.queues;
    const [first] = await bed.add(a, 1, ENDLESS, { priority: 2 });
    const [second] = await bed.add(b, 1, ENDLESS);
    await bed.untilStarted(a, 1);
    await bed.untilStarted(b, 1);
    await bed.readyPod('pod-1', PATIENT, SHORT_LOCKS);
    await pod.process.stop('SIGKILL');
    await bed.untilStarted(a, 2);
    await bed.untilStarted(b, 2);
    for (const [queue, id] of [
      [a, first],
      [b, second],
    ] as const) {
      expect(await costOf(queue, id!)).toEqual({ state: 'active', attempts: 0, stalls: 1, starts: 2 });
      expect((await queue.getJob(id!))!.processedBy).toBe('pod-1');
    }
  });

  it('takes its own jobs over as soon as its container is started again, and no other pod loses one', async () => {
    const { a } = bed.queues;
    const other = await bed.readyPod('pod-1', { ...PATIENT, RQ_CONCURRENCY: '1' });
    const [untouched] = await bed.add(a, 1, ENDLESS);
    await bed.untilStarted(a, 1);
    const pod = await bed.readyPod('pod-0', PATIENT);
    const [crashed] = await bed.add(a, 1, ENDLESS);
    await bed.untilStarted(a, 2);
    const killedMs = performance.now();
    await pod.process.stop('SIGKILL');
    const again = await bed.readyPod('pod-0', PATIENT);
    await bed.untilStarted(a, 3);
    // its locks would have lasted for at least 20 s
    expect(performance.now() - killedMs).toBeLessThan(20_000);
    expect(await costOf(a, crashed!)).toEqual({ state: 'active', attempts: 0, stalls: 1, starts: 2 });
    expect(await costOf(a, untouched!)).toEqual({ state: 'active', attempts: 0, stalls: 0, starts: 1 });
    expect(again.process.lines.join()).toContain('a process of this pod died; its jobs are run again');
    expect((await other.get('/livez')).status).toBe(200);
  });

  it('has the jobs of one of its processes taken over by the next one, and none of the one that lives', async () => {
    const { a } = bed.queues;
    const pod = await bed.startPod('pod-0', { ...PATIENT, RQ_CONCURRENCY: '1' }, undefined, 'cluster.fixture.ts');
    const [untouched] = await bed.add(a, 1, ENDLESS);
    await bed.untilStarted(a, 1);
    const [killing] = await bed.add(a, 1, { runMs: 0, killTimes: 1 });
    await bed.untilStarted(a, 2);
    await pod.process.waitForLine(/a process of this pod died; its jobs are run again/, PATIENCE);
    await eventually(async () => (await a.getCompletedCount()) === 1, PATIENCE);
    expect(await costOf(a, killing!)).toEqual({ state: 'completed', attempts: 1, stalls: 1, starts: 2 });
    expect(await costOf(a, untouched!)).toEqual({ state: 'active', attempts: 0, stalls: 0, starts: 1 });
    await pod.process.stop('SIGKILL');
  });

  it('runs a job that was there twice when a process ended only alone: it waits aside, without an attempt', async () => {
    const { a, b } = bed.queues;
    const [suspect] = await bed.add(a, 1, { runMs: 0, killTimes: 2 });
    for (let container = 1; container <= 2; container++) {
      const pod = await bed.startPod('pod-0');
      expect(await pod.process.exited).toEqual({ code: null, signal: 'SIGKILL' });
    }
    const [long] = await bed.add(b, 1, { runMs: 2_000 });
    await bed.readyPod('pod-0', PATIENT);
    await bed.untilFinished(2);
    await eventually(async () => (await a.getCompletedCount()) === 1, PATIENCE);
    expect((await bed.startOrder()).slice(-2)).toEqual([`b:${long}`, `a:${suspect}`]);
    expect(await bed.redis.zscore('running-at-once', 'pod-0')).toBe('1');
    expect(await costOf(a, suspect!)).toMatchObject({ attempts: 1, stalls: 2 });
    expect(await costOf(b, long!)).toMatchObject({ attempts: 1, stalls: 0, starts: 1 });
  });

  it('by a job that kills every pod is rid of it after the fourth: the job fails', async () => {
    const { a } = bed.queues;
    const [id] = await bed.add(a, 1, { runMs: 0, killTimes: 100 }, { attempts: 5 });
    for (let container = 1; container <= 4; container++) {
      const pod = await bed.startPod('pod-0');
      expect(await pod.process.exited).toEqual({ code: null, signal: 'SIGKILL' });
    }
    await bed.readyPod('pod-0');
    await eventually(async () => (await a.getFailedCount()) === 1, PATIENCE);
    const job = (await a.getJob(id!))!;
    expect(job.failedReason).toMatch(/^job stalled more than allowable limit: 4 times the process that ran it ended/);
    expect(await bed.starts(a)).toBe(4);
  });
});

describe('a pod that is blocked', () => {
  it.each([
    { how: 'is asked to stop and does', ignoreSignal: false, effects: '1' },
    { how: 'goes on, but its result is refused', ignoreSignal: true, effects: '2' },
  ])('for longer than its locks loses a job to another pod, $how', async ({ ignoreSignal, effects }) => {
    const { a } = bed.queues;
    const frozen = await bed.readyPod('pod-0', PATIENT, SHORT_LOCKS);
    const [id] = await bed.add(a, 1, { runMs: ignoreSignal ? 3_000 : 600_000, ignoreSignal });
    await bed.untilStarted(a, 1);
    frozen.process.kill('SIGSTOP');
    await (await a.getJob(id!))!.updateData({ runMs: 0 });
    await bed.readyPod('pod-1', PATIENT, SHORT_LOCKS);
    await eventually(async () => (await a.getCompletedCount()) === 1, PATIENCE);
    frozen.process.kill('SIGCONT');
    await frozen.process.waitForLine(/could not renew lock|[Mm]issing lock|not in the active state/, PATIENCE);
    // it has dropped the job once all its slots are free again
    await eventually(async () => (await frozen.get('/metrics')).body.includes('slots{state="active"} 0'), PATIENCE);
    expect(await costOf(a, id!)).toEqual({ state: 'completed', attempts: 1, stalls: 1, starts: 2 });
    expect((await a.getJob(id!))!.processedBy).toBe('pod-1');
    expect(await bed.redis.hgetall('finished')).toEqual({ [`a:${id}`]: effects });
    expect(await a.getJobCounts('waiting', 'active', 'failed')).toEqual({ waiting: 0, active: 0, failed: 0 });
  });

  it('and gets its own job again runs it from the start, once the run that lost it is over', async () => {
    const { a } = bed.queues;
    await bed.readyPod('pod-0', PATIENT, SHORT_LOCKS);
    const [id] = await bed.add(a, 1, { blockMs: 5_000, runMs: 2_000, ignoreSignal: true });
    await bed.untilStarted(a, 1);
    // longer than a lock lasts: it has to be renewed, whatever the end of the first run does
    await (await a.getJob(id!))!.updateData({ runMs: 5_000 });
    await eventually(async () => (await a.getCompletedCount()) === 1, PATIENCE);
    expect(await costOf(a, id!)).toMatchObject({ state: 'completed', attempts: 1, stalls: 1 });
    expect(await bed.starts(a)).toBe(2);
  });

  it('for less keeps its jobs, although others search for jobs left behind all the time', async () => {
    const locks = { durationMs: 4_000, renewMs: 600, searchMs: 300 };
    const { a, b } = bed.queues;
    await bed.readyPod('pod-0', PATIENT, locks);
    const [blocking] = await bed.add(a, 1, { blockMs: 2_000, runMs: 0 });
    const [beside] = await bed.add(b, 1, { runMs: 3_000 });
    await bed.untilStarted(a, 1);
    await bed.untilStarted(b, 1);
    await bed.readyPod('pod-1', PATIENT, locks);
    await bed.untilFinished(2);
    await eventually(async () => (await b.getCompletedCount()) === 1, PATIENCE);
    const once = { state: 'completed', attempts: 1, stalls: 0, starts: 1 };
    expect([await costOf(a, blocking!), await costOf(b, beside!)]).toEqual([once, once]);
  });
});
