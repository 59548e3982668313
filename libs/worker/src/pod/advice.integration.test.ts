import { setTimeout as sleep } from 'node:timers/promises';
import { sampleUsage, type PodUsageReport } from '@redis-queue/bullmq';
import { eventually } from '@redis-queue/rig';
import { advise, learnUsage, noUsage, type AdvisedSpec, type PoolAdvice } from '@redis-queue/scaling';
import { describe, expect, it } from 'vitest';
import { PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
const SPEC: AdvisedSpec = { version: '1.4.2', concurrency: 4, queues: 3, cpuRequest: 2, memoryLimit: 2 ** 31 };
const POOL = {
  ...PATIENT,
  RQ_POOL: 'mail',
  RQ_POOL_NAMESPACE: 'shop',
  RQ_VERSION: SPEC.version,
  TEST_USAGE_TIMES: JSON.stringify({ sampleMs: 100, reportMs: 1_200 }),
};
/** Seconds in place of the half hour that a pool is measured for. */
const ENOUGH = { podMs: 8_000, busyPodMs: 6_000, spanMs: 4_000 };
const DEADLINE_MS = 60_000;

/** What the pods' reports lead to once there are enough of them, read as the autoscaler reads. */
async function adviceOnPods(pods: number): Promise<PoolAdvice> {
  const place = { queue: { prefix: 'bull', name: 'a' }, namespace: 'shop', pool: 'mail' };
  const read = async (): Promise<PodUsageReport[]> => (await sampleUsage(bed.redis, [place]))[0] ?? [];
  // The first report of a pod holds its start, which weighs nothing in half an hour and much in seconds.
  const first = await eventually(async () => {
    const reports = await read();
    return reports.length === pods && reports;
  }, PATIENCE);
  const begunMs = Math.max(...first.map(({ redisTimeMs }) => redisTimeMs));
  let usage = noUsage(SPEC);
  for (const endMs = performance.now() + DEADLINE_MS; performance.now() < endMs;) {
    const reports = await read();
    usage = learnUsage(
      usage,
      reports.filter(({ redisTimeMs }) => redisTimeMs > begunMs),
      SPEC,
    );
    const advice = advise(usage, SPEC, ENOUGH);
    if (advice) return advice;
    await sleep(200);
  }
  throw new Error(
    `no advice after ${DEADLINE_MS} ms: ${usage.measuredMs} ms measured, ${usage.busyMeasuredMs} ms busy`,
  );
}

describe('advice on real pods', () => {
  it('is more slots and little CPU for jobs that wait for others', async () => {
    await bed.readyPod('pod-0', POOL);
    await bed.readyPod('pod-1', POOL);
    await bed.add(bed.queues.b, 8, { runMs: 600_000 });
    const advice = await adviceOnPods(2);
    expect(advice.pods).toBe(2);
    // 8, or less where other tests leave the machine no time
    expect(advice.concurrency).toBeGreaterThanOrEqual(6);
    expect(advice.resources?.requests?.['cpu']).toMatch(/^\d+m$/);
    expect(advice.resources?.limits?.['memory']).toMatch(/Mi$/);
    expect(advice.message).toContain('fewer pods do the same work');
  });

  it('is fewer slots for jobs that compute on the event loop', async () => {
    await bed.readyPod('pod-0', POOL);
    await bed.add(bed.queues.a, 2_000, { burnMs: 50, runMs: 0 });
    const advice = await adviceOnPods(1);
    // no fewer than queues
    expect(advice.concurrency).toBe(3);
    expect(advice.message).toContain('jobs wait for each other in the pod');
  });
});
