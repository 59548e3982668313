import { eventually } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { costOf, PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
const ENDED_WELL = { code: 0, signal: null };

describe('a pod that gets SIGTERM', () => {
  it('ends at once when idle', async () => {
    const pod = await bed.readyPod('pod-0', PATIENT);
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual(ENDED_WELL);
  });

  it('finishes what runs within the grace period, of every queue, and fetches nothing more', async () => {
    const pod = await bed.readyPod('pod-0', PATIENT);
    const { a, b } = bed.queues;
    await bed.add(a, 2, { runMs: 1_500 });
    await bed.add(b, 2, { runMs: 1_500 });
    await bed.untilStarted(a, 2);
    await bed.untilStarted(b, 2);
    await bed.add(a, 2, { runMs: 0 });
    pod.process.kill('SIGTERM');
    await eventually(async () => (await pod.get('/readyz')).status === 503, { ...PATIENCE, intervalMs: 5 });
    expect((await pod.get('/livez')).status).toBe(200);
    expect(await pod.process.exited).toEqual(ENDED_WELL);
    expect(await bed.finished()).toBe(4);
    expect(await a.getJobCounts('waiting', 'active', 'completed')).toEqual({ waiting: 2, active: 0, completed: 2 });
    expect(await b.getJobCounts('waiting', 'active', 'completed')).toEqual({ waiting: 0, active: 0, completed: 2 });
  });

  it.each([
    { how: 'stop when asked', work: { runMs: 600_000 } },
    { how: 'ignore their signal', work: { runMs: 600_000, ignoreSignal: true } },
    { how: 'block the event loop meanwhile', work: { runMs: 600_000, blockMs: 1_000, ignoreSignal: true } },
  ])(
    'hands back jobs that $how, of every queue, at the cost of a restart, no attempt and no stall',
    async ({ work }) => {
      const pod = await bed.readyPod('pod-0');
      const { a, b } = bed.queues;
      const [prioritized] = await bed.add(a, 1, work, { priority: 3 });
      const [plain] = await bed.add(b, 1, work);
      await bed.untilStarted(a, 1);
      await bed.untilStarted(b, 1);
      pod.process.kill('SIGTERM');
      expect(await pod.process.exited).toEqual(ENDED_WELL);
      const cost = { attempts: 0, stalls: 0, starts: 1 };
      expect(await costOf(a, prioritized!)).toEqual({ state: 'prioritized', ...cost });
      expect(await costOf(b, plain!)).toEqual({ state: 'waiting', ...cost });
      for (const job of [await a.getJob(prioritized!), await b.getJob(plain!)]) await job!.updateData({ runMs: 0 });
      await bed.readyPod('pod-1');
      await bed.untilFinished(2);
      await eventually(async () => (await b.getCompletedCount()) === 1, PATIENCE);
      expect(await costOf(b, plain!)).toEqual({ state: 'completed', attempts: 1, stalls: 0, starts: 2 });
    },
  );

  it('hands back at once on the second SIGTERM', async () => {
    const pod = await bed.readyPod('pod-0', PATIENT);
    const { a, c } = bed.queues;
    await bed.add(a, 2, { runMs: 600_000, ignoreSignal: true });
    await bed.add(c, 2, { runMs: 600_000, ignoreSignal: true });
    await bed.untilStarted(a, 2);
    await bed.untilStarted(c, 2);
    pod.process.kill('SIGTERM');
    await pod.process.waitForLine(/"draining"/, PATIENCE);
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual(ENDED_WELL);
    for (const queue of [a, c]) {
      expect(await queue.getJobCounts('waiting', 'active', 'failed')).toEqual({ waiting: 2, active: 0, failed: 0 });
    }
  });

  it('counts a failure that merely comes after the signal as a failure', async () => {
    const pod = await bed.readyPod('pod-0', { RQ_GRACE_PERIOD_MS: '10', RQ_MAX_DRAIN_TIME_MS: '60000' });
    const { a } = bed.queues;
    const [id] = await bed.add(a, 1, { runMs: 500, ignoreSignal: true, failTimes: 1 });
    await bed.untilStarted(a, 1);
    pod.process.kill('SIGTERM');
    await pod.process.exited;
    expect((await a.getJob(id!))?.failedReason).toBe('planned failure 1');
  });
});
