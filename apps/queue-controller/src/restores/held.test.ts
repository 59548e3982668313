import { END_RESTORE_ANNOTATION } from '@redis-queue/api';
import type { ObservedPolicy } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { planQueue } from '../plan.ts';
import { markOf, NOW, observed, queueObject } from '../testing/queues.ts';
import { heldByRestore, planRestoreEnds } from './held.ts';

const restore = { restoreId: 'r-7', phase: 'placed' } as const;

/** The ends that are planned for a queue and dead letters that restore r-7 has left; those are of the owner that is given. */
function ends(asked: string, letterOwner = 'c1/shop/emails') {
  const queue = queueObject({ dlqPolicy: { enabled: true } });
  queue.metadata.annotations = { [END_RESTORE_ANNOTATION]: asked };
  const { policy } = observed({ restore, rawOwnerMark: markOf(['deadLetters']) });
  const letters = { ...policy, rawOwnerMark: markOf([], letterOwner) } as ObservedPolicy;
  const { steps } = planQueue(queue, observed(policy, { deadLetters: { policy: letters } }), NOW);
  return steps.flatMap((step) => (step.kind === 'endRestore' ? [step.deadLetters] : []));
}

describe('what a restore has left', () => {
  it('is ended where the annotation has its id, in the queue and in dead letters that are of this Queue', () => {
    expect(ends('r-7')).toEqual([false, true]);
    expect(ends('r-8')).toEqual([]);
    expect(ends('r-7', 'c1/other/emails')).toEqual([false]);
  });

  it('stays paused in the end where the Queue wants it paused, not its dead letters', () => {
    const queue = queueObject({ paused: true });
    queue.metadata.annotations = { [END_RESTORE_ANNOTATION]: 'r-7' };
    const { policy } = observed({ restore });
    const ended = planRestoreEnds(queue, { policy, deadLetters: { policy: policy! } });
    expect(ended.map(({ deadLetters, keepsPaused }) => [deadLetters, keepsPaused])).toEqual([
      [false, true],
      [true, false],
    ]);
    expect(planRestoreEnds({ ...queue, spec: {} }, { policy })).toMatchObject([{ keepsPaused: false }]);
  });

  it('is named until it is ended, with the way out', () => {
    const left = { policy: observed({ restore }).policy };
    expect(heldByRestore(left, [])?.message).toContain('redis-queue.io/end-restore=r-7');
    expect(heldByRestore(left, [{ kind: 'endRestore', deadLetters: false }])).toBeUndefined();
    expect(heldByRestore({ policy: observed().policy }, [])).toBeUndefined();
  });
});
