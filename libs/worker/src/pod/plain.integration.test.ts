import type { ChildHandle } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { costOf, PodTestbed, SHORT_LOCKS } from './testbed.ts';

const bed = PodTestbed.each();

function plainPod(name: string): ChildHandle {
  return bed.run('plain.fixture.ts', {
    RQ_QUEUES: JSON.stringify([{ queue: 'a', name: 'a', prefix: 'bull' }]),
    RQ_CONCURRENCY: '4',
    RQ_POD_NAME: name,
    TEST_LOCKS: JSON.stringify(SHORT_LOCKS),
  });
}

describe('a pod of plain BullMQ that closes its worker on SIGTERM', () => {
  it('finishes the jobs that run, however long, takes no more, and loses none', async () => {
    const { a } = bed.queues;
    const ids = await bed.add(a, 6, { runMs: 2_000 });
    const pod = plainPod('pod-0');
    await bed.untilStarted(a, 4);
    pod.kill('SIGTERM');
    expect(await pod.exited).toEqual({ code: 0, signal: null });
    expect(await bed.finished()).toBe(4);
    expect(await a.getJobCounts('waiting', 'active', 'completed', 'failed')).toEqual({
      waiting: 2,
      active: 0,
      completed: 4,
      failed: 0,
    });
    expect((await a.getJob(ids[0]!))!.processedBy).toBe('pod-0');
    plainPod('pod-1');
    await bed.untilFinished(6);
  });

  it('has its jobs run again by another after SIGKILL, each at the cost of a stall', async () => {
    const { a } = bed.queues;
    const [id] = await bed.add(a, 1, { runMs: 600_000 });
    const pod = plainPod('pod-0');
    await bed.untilStarted(a, 1);
    plainPod('pod-1');
    await pod.stop('SIGKILL');
    await bed.untilStarted(a, 2);
    expect(await costOf(a, id!)).toEqual({ state: 'active', attempts: 0, stalls: 1, starts: 2 });
  });
});
