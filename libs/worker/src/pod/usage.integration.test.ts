import { eventually } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
const KEY = 'bull:a:rq:usage:shop/mail';
const OFTEN = {
  RQ_POOL: 'mail',
  RQ_POOL_NAMESPACE: 'shop',
  RQ_VERSION: '1.4.2',
  TEST_USAGE_TIMES: JSON.stringify({ sampleMs: 50, reportMs: 300 }),
};

interface Usage {
  atMs: number;
  [field: string]: unknown;
}

/** What a pod reported last. */
async function lastReport(pod: string): Promise<Usage | undefined> {
  const value = await bed.redis.hget(KEY, pod);
  if (value === null) return undefined;
  const [, atMs, report] = /^(\d+) (.*)$/.exec(value)!;
  return { atMs: Number(atMs), ...(JSON.parse(report!) as object) };
}

describe('what a pod uses', () => {
  it("is reported beside the pool's first queue while jobs run, by Redis' clock, and forgotten in time", async () => {
    await bed.readyPod('pod-0', { ...PATIENT, ...OFTEN });
    expect(await bed.redis.exists(KEY)).toBe(0);
    await bed.add(bed.queues.b, 2, { runMs: 600_000 });
    const usage = await eventually(async () => {
      const now = await lastReport('pod-0');
      return now?.['busy'] === 2 && now;
    }, PATIENCE);
    expect(usage).toEqual({
      atMs: expect.any(Number) as number,
      format: 1,
      contract: 2,
      version: '1.4.2',
      periodMs: expect.any(Number) as number,
      slots: 4,
      busy: 2,
      cpu: expect.any(Number) as number,
      memory: expect.any(Number) as number,
      eventLoop: expect.any(Number) as number,
      jobs: 0,
      lagP99Ms: expect.any(Number) as number,
      lagMaxMs: expect.any(Number) as number,
    });
    const [seconds] = await bed.redis.time();
    expect(Math.abs(Number(seconds) * 1_000 - usage.atMs)).toBeLessThan(30_000);
    expect(usage['memory']).toBeGreaterThan(30 * 2 ** 20);
    const ttlMs = await bed.redis.pttl(KEY);
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(300_000);
  });

  it('distinguishes jobs that compute from jobs that wait', async () => {
    const slowly = { ...OFTEN, TEST_USAGE_TIMES: JSON.stringify({ sampleMs: 50, reportMs: 2_000 }) };
    await bed.readyPod('computes', { ...PATIENT, ...slowly, RQ_CONCURRENCY: '1' });
    await bed.add(bed.queues.a, 400, { burnMs: 100, runMs: 0 });
    const { cpu, periodMs, jobs, runMs } = await eventually(async () => {
      const now = await lastReport('computes');
      return Number(now?.['busy']) > 0.6 && Number(now?.['eventLoop']) > 0.6 && Number(now?.['jobs']) > 2 && now!;
    }, PATIENCE);
    expect(Number(cpu) * Number(periodMs)).toBeGreaterThan((Number(jobs) - 1) * 95);
    expect(runMs).toBeGreaterThan(90);
    await bed.queues.a.drain();
    await bed.readyPod('waits', { ...PATIENT, ...OFTEN });
    await bed.add(bed.queues.b, 8, { runMs: 600_000 });
    await eventually(async () => {
      const now = await lastReport('waits');
      return Number(now?.['busy']) > 3 && Number(now?.['eventLoop']) < 0.4;
    }, PATIENCE);
  });

  it('is reported once more as the pod leaves, so that short lives count too', async () => {
    const seldom = { ...OFTEN, TEST_USAGE_TIMES: JSON.stringify({ sampleMs: 50, reportMs: 600_000 }) };
    const pod = await bed.readyPod('pod-0', { ...PATIENT, ...seldom });
    await bed.add(bed.queues.a, 3, { runMs: 10 });
    await bed.untilFinished(3);
    expect(await lastReport('pod-0')).toBeUndefined();
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    expect(await lastReport('pod-0')).toMatchObject({ jobs: 3 });
  });

  it('of pods that are gone is forgotten though their pool goes on', async () => {
    await bed.redis.hset(KEY, {
      gone: '1000 {}',
      strange: 'x',
      future: '9000000000000000 {}',
      'just-there': `${Date.now()} {}`,
    });
    await bed.readyPod('pod-0', { ...PATIENT, ...OFTEN });
    await bed.add(bed.queues.a, 4, { runMs: 600_000 });
    const pods = await eventually(async () => {
      const keys = await bed.redis.hkeys(KEY);
      return keys.length === 2 && keys.toSorted();
    }, PATIENCE);
    expect(pods).toEqual(['just-there', 'pod-0']);
  });

  it.each([
    { whose: 'who does not want it', env: { ...OFTEN, TEST_USAGE_TIMES: 'off' } },
    { whose: 'that belongs to no pool', env: { TEST_USAGE_TIMES: OFTEN.TEST_USAGE_TIMES } },
  ])('is not reported by a pod $whose', async ({ env }) => {
    const pod = await bed.readyPod('pod-0', { ...PATIENT, ...env });
    await bed.add(bed.queues.a, 3, { runMs: 400 });
    await bed.untilFinished(3);
    pod.process.kill('SIGTERM');
    await pod.process.exited;
    expect(await bed.redis.keys('*:rq:*')).toEqual([]);
  });

  it('disturbs nothing that BullMQ does with a queue', async () => {
    const pod = await bed.readyPod('pod-0', { ...PATIENT, ...OFTEN });
    const { a } = bed.queues;
    await bed.add(a, 2, { runMs: 100 });
    await bed.untilFinished(2);
    await eventually(async () => await lastReport('pod-0'), PATIENCE);
    pod.process.kill('SIGTERM');
    await pod.process.exited;
    expect(await a.removeOrphanedJobs()).toBe(0);
    expect(await bed.redis.exists(KEY)).toBe(1);
    await a.obliterate();
    expect(await bed.redis.keys('bull:a:*')).toEqual([KEY]);
  });

  it('that cannot be reported is a warning, once, and jobs run on', async () => {
    await bed.redis.call(
      'ACL',
      'SETUSER',
      'narrow',
      'reset',
      'on',
      '>pw',
      '+@all',
      '-hrandfield',
      '~bull:*',
      '~started',
      '~starts',
      '~running-at-once',
      '~beside',
      '~finished',
    );
    const REDIS_URL = bed.server.url.replace('redis://', 'redis://narrow:pw@');
    const pod = await bed.readyPod('pod-0', { ...PATIENT, ...OFTEN, REDIS_URL });
    await bed.add(bed.queues.a, 12, { runMs: 200 });
    await pod.process.waitForLine(/cannot report what the pod uses/, PATIENCE);
    await bed.untilFinished(12);
    expect(pod.process.lines.filter((line) => line.includes('cannot report what the pod uses'))).toHaveLength(1);
  });
});
