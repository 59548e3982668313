import { eventually } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { costOf, PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
/** Queues a and b allow their jobs 0.4 s, c as long as they want. */
const LIMITED = {
  RQ_QUEUES: JSON.stringify(
    ['a', 'b', 'c'].map((queue) => ({
      queue,
      name: queue,
      prefix: 'bull',
      ...(queue !== 'c' && { jobTimeoutMs: 400 }),
    })),
  ),
};
const reasonOf = (queue: string): string =>
  `the job ran for longer than the 0.4 s that jobTimeout of Queue ${queue} allows`;

describe('a job that runs for longer than jobTimeout of its Queue', () => {
  it('fails, by its attempts, whether its handler stops or ignores its signal; others go on', async () => {
    const pod = await bed.readyPod('pod-0', { ...PATIENT, ...LIMITED });
    const { a, b, c } = bed.queues;
    const [stops] = await bed.add(a, 1, { runMs: 600_000 }, { attempts: 2, backoff: 10 });
    const [ignores] = await bed.add(b, 1, { runMs: 600_000, ignoreSignal: true });
    const [unlimited] = await bed.add(c, 1, { runMs: 1_500 });
    await bed.add(c, 1, { runMs: 10 });
    await bed.untilFinished(2);
    await eventually(async () => (await a.getFailedCount()) + (await b.getFailedCount()) === 2, PATIENCE);
    expect(await costOf(a, stops!)).toEqual({ state: 'failed', attempts: 2, stalls: 0, starts: 2 });
    expect(await costOf(b, ignores!)).toEqual({ state: 'failed', attempts: 1, stalls: 0, starts: 1 });
    expect((await a.getJob(stops!))?.failedReason).toBe(reasonOf('a'));
    expect((await b.getJob(ignores!))?.failedReason).toBe(reasonOf('b'));
    await eventually(async () => (await c.getJob(unlimited!))?.isCompleted(), PATIENCE);
    const { body } = await pod.get('/metrics');
    expect(body).toMatch(/redis_queue_worker_jobs_total\{queue="a",outcome="retried"\} 1/);
  });

  it('counts only where its time was over before the pod drained: else it is handed back', async () => {
    const pod = await bed.readyPod('pod-0', {
      ...LIMITED,
      RQ_QUEUES: LIMITED.RQ_QUEUES.replaceAll('400', '60000'),
    });
    const { a } = bed.queues;
    const [id] = await bed.add(a, 1, { runMs: 600_000 });
    await bed.untilStarted(a, 1);
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    expect(await costOf(a, id!)).toEqual({ state: 'waiting', attempts: 0, stalls: 0, starts: 1 });
  });
});
