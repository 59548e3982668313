import { eventually } from '@redis-queue/rig';
import { lintMetrics } from '@redis-queue/rig/controllers';
import { describe, expect, it } from 'vitest';
import { PATIENCE, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();

describe('a worker pod', () => {
  it('never runs more jobs than its concurrency, over three queues, and lets one queue use all of it', async () => {
    const pod = await bed.readyPod('pod-0');
    const { a, b, c } = bed.queues;
    const [first] = await bed.add(a, 40, { runMs: 20 });
    await eventually(async () => Number(await bed.redis.zscore('running-at-once', 'pod-0')) === 4, PATIENCE);
    await bed.add(b, 40, { runMs: 20 });
    await bed.add(c, 40, { runMs: 20 });
    await bed.untilFinished(120);
    expect(await bed.redis.zscore('running-at-once', 'pod-0')).toBe('4');
    expect(await bed.redis.hvals('finished')).toEqual(Array.from({ length: 120 }, () => '1'));
    expect((await a.getJob(first!))?.processedBy).toBe('pod-0');
    await eventually(async () => (await b.getCompletedCount()) === 40, PATIENCE);
    const { body } = await pod.get('/metrics');
    expect(body).toContain('redis_queue_worker_jobs_total{queue="b",outcome="completed"} 40');
    expect(body).toContain('redis_queue_worker_slots{state="free"} 4');
    expect(await lintMetrics(body)).toEqual([]);
  });

  it('hands a wake-up on to an idle pod when its own slots are taken', async () => {
    await bed.readyPod('busy', { RQ_CONCURRENCY: '1' });
    const { a, b } = bed.queues;
    await bed.add(a, 1, { runMs: 600_000 });
    await bed.untilStarted(a, 1);
    await bed.readyPod('idle', { RQ_CONCURRENCY: '1' });
    for (let i = 1; i <= 20; i++) {
      await bed.add(b, 1, { runMs: 0 });
      // without a wake-up it would be fetched after 5 s
      await eventually(async () => (await bed.finished()) === i, { timeoutMs: 4_000, intervalMs: 5 });
    }
    expect(await bed.redis.zscore('running-at-once', 'busy')).toBe('1');
  });

  it('obeys a global concurrency over two pods without standing still', async () => {
    const { a } = bed.queues;
    await a.setGlobalConcurrency(2);
    await bed.readyPod('pod-0');
    await bed.readyPod('pod-1');
    await bed.add(a, 100, { runMs: 10 });
    await bed.untilFinished(100);
    expect(Number(await bed.redis.zscore('running-at-once', 'pod-0'))).toBeLessThanOrEqual(2);
  });

  it('runs delayed jobs when they are due, prioritised and retried ones, and stays within a rate limit', async () => {
    const { a, b } = bed.queues;
    await b.setGlobalRateLimit(5, 500);
    await bed.readyPod('pod-0');
    await bed.add(a, 1, { runMs: 0 }, { delay: 300 });
    await bed.add(a, 1, { runMs: 0 }, { priority: 5 });
    await bed.add(a, 1, { runMs: 0, failTimes: 2 }, { attempts: 3, backoff: 50 });
    await bed.add(b, 15, { runMs: 0 });
    await bed.untilFinished(18);
    const starts = (await b.getCompleted()).map(({ processedOn }) => processedOn!);
    expect(Math.max(...starts) - Math.min(...starts)).toBeGreaterThan(900);
    expect(await a.getFailedCount()).toBe(0);
  });

  it('fails a job at once whose data does not fit the schema, and names the field', async () => {
    await bed.readyPod('pod-0');
    const { a } = bed.queues;
    const misfit = await a.add('work', { runMs: 'soon' }, { attempts: 5 });
    const job = await eventually(async () => (await a.getFailed())[0], PATIENCE);
    expect(job.id).toBe(misfit.id);
    expect(job.failedReason).toBe('data does not fit the schema: runMs: expected a whole number');
    expect(job.attemptsMade).toBe(1);
  });

  it('does not start without a handler for one of its queues, and says which', async () => {
    const RQ_QUEUES = JSON.stringify([{ queue: 'reports', name: 'reports', prefix: 'bull' }]);
    const pod = await bed.startPod('pod-0', { RQ_QUEUES });
    expect(await pod.process.exited).toEqual({ code: 1, signal: null });
    expect(pod.process.lines.join()).toContain('no handler for queue reports (handlers: a, b, c)');
  });

  it.each([
    [{ limiter: { max: 1, duration: 1_000 } }, "limiter is not taken: it is an option of BullMQ's Worker: give it in"],
    [{ concurrency: 1 }, 'concurrency is not taken: slots are shared by all queues of a pod'],
    [{ ondrained: 1 }, "ondrained is not taken: listen to events of BullMQ's Worker in onWorker"],
    [{ handler: {} }, 'handler is not taken: there is no such option'],
  ])('does not start with what it would not heed, and says where that goes: %j', async (options, why) => {
    const pod = await bed.startPod('pod-0', { TEST_OPTIONS: JSON.stringify(options) });
    expect(await pod.process.exited).toEqual({ code: 1, signal: null });
    expect(pod.process.lines.join()).toContain(`runWorkers: ${why}`);
  });

  it('says what to set when it cannot start, and where in the program that is', async () => {
    const taken = new URL(bed.server.url).port;
    const port = await bed.startPod('pod-0', { RQ_HTTP_PORT: taken });
    const handlers = await bed.startPod('pod-1', { TEST_OPTIONS: '{"handlers":null}' });
    for (const [{ process: pod }, why] of [
      [port, `cannot serve the probes on port ${taken} (RQ_HTTP_PORT): listen EADDRINUSE`],
      [handlers, 'no handlers are given: runWorkers({ handlers: {'],
    ] as const) {
      expect(await pod.exited).toEqual({ code: 1, signal: null });
      expect(pod.lines.join()).toMatch(/"level":"error".*"stack":"[^"]+\\n {4}at /);
      expect(pod.lines.join()).toContain(why);
    }
  });
});
