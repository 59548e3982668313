import { eventually } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { costOf, PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
const STUCK_KEY = 'bull:a:rq:usage:shop/mail';
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

describe('a handler that goes on although its job has failed by jobTimeout', () => {
  it('keeps its slot, and then is stuck: in metrics, in what the pod reports, and with the last slot in its probes', async () => {
    const pod = await bed.readyPod('pod-0', {
      ...PATIENT,
      ...LIMITED,
      RQ_CONCURRENCY: '3',
      RQ_POOL: 'mail',
      RQ_POOL_NAMESPACE: 'shop',
      TEST_USAGE_TIMES: JSON.stringify({ sampleMs: 50, reportMs: 600_000 }),
    });
    const { a, b, c } = bed.queues;
    const lastReport = async (): Promise<unknown> => {
      const value = await bed.redis.hget(STUCK_KEY, 'pod-0');
      return value && (JSON.parse(value.slice(value.indexOf(' '))) as { stuck?: number }).stuck;
    };
    await bed.add(a, 2, { runMs: 600_000, ignoreSignal: true });
    await eventually(async () => (await lastReport()) === 2, PATIENCE);
    expect(await a.getFailedCount()).toBe(2);
    const { body } = await pod.get('/metrics');
    expect(body).toMatch(/^redis_queue_worker_stuck_handlers 2$/m);
    expect(body).toMatch(/^redis_queue_worker_slots\{state="free"\} 1$/m);
    expect((await pod.get('/readyz')).status).toBe(200);

    // one slot is left, and no more than that runs
    await bed.add(c, 6, { runMs: 20 });
    await bed.untilFinished(6);
    expect(await bed.redis.zscore('running-at-once', 'pod-0')).toBe('3');

    await bed.add(b, 1, { runMs: 600_000, ignoreSignal: true });
    await eventually(async () => (await pod.get('/livez')).status === 503, PATIENCE);
    const { body: why } = await pod.get('/livez');
    expect(why).toMatch(/^all 3 slots are given up to handlers/);
    expect((await pod.get('/readyz')).body).toBe(why);
    expect(await lastReport()).toBe(3);

    // as the kubelet ends the container: nobody waits for them
    await bed.add(c, 1, { runMs: 20 });
    const startedMs = performance.now();
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    expect(await c.getWaitingCount()).toBe(1);
    expect(await lastReport()).toBeUndefined();
  });
});
