import { END_RESTORE_ANNOTATION, type QueueSpec } from '@redis-queue/api';
import type { ObservedPolicy } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { planQueue } from '../plan.ts';
import { markOf, NOW, observed, queueObject } from '../testing/queues.ts';
import { declaredSchedulers } from '../schedulers/declared.ts';
import { heldByRestore, planRestoreEnds } from './held.ts';

const restore = { restoreId: 'r-7', phase: 'placed' } as const;

/** The steps that are planned for a queue that restore r-7 has left, as the annotation asks. */
function stepsFor(spec: QueueSpec, rawOwnerMark = markOf(spec.paused === undefined ? [] : ['paused'])) {
  const queue = queueObject(spec);
  queue.metadata.annotations = { [END_RESTORE_ANNOTATION]: 'r-7' };
  const policy = { exists: true, paused: true, restore, rawOwnerMark };
  return planQueue(queue, observed(policy), NOW).steps.map(({ kind }) => kind);
}

/** The ends that are planned for a queue and dead letters that restore r-7 has left; those are of the owner that is given. */
function ends(asked: string, letterOwner?: string, enabled = true) {
  const queue = queueObject({ dlqPolicy: { enabled } });
  queue.metadata.annotations = { [END_RESTORE_ANNOTATION]: asked };
  const { policy } = observed({ restore, rawOwnerMark: markOf(['deadLetters']) });
  const letters = { ...policy, rawOwnerMark: letterOwner && markOf([], letterOwner) } as ObservedPolicy;
  const { steps } = planQueue(queue, observed(policy, { deadLetters: { policy: letters } }), NOW);
  return steps.flatMap((step) => (step.kind === 'endRestore' ? [step.deadLetters] : []));
}

/** What is said of a restore that has that phase, of a Queue that wants its queue to run. */
function saidOf(phase: 'held' | 'placed', paused: boolean, done: string[] = []): string | undefined {
  const { policy } = observed({ restore: { restoreId: 'r-7', phase }, paused });
  const steps = done.map((kind) => ({ kind }));
  return heldByRestore(queueObject({ paused: false }), { policy }, { done: steps, governs: true })?.message;
}

describe('what a restore has left', () => {
  it('is ended where the annotation has its id, in the queue and in dead letters that are of this Queue', () => {
    expect(ends('r-7', 'c1/shop/emails')).toEqual([false, true]);
    expect(ends('r-8', 'c1/shop/emails')).toEqual([]);
    // Nobody has marked them, as where the Queue has no dead letters.
    expect(ends('r-7')).toEqual([false, true]);
    expect(ends('r-7', undefined, false)).toEqual([false, true]);
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

  it('is ended before the queue is resumed for any other reason, and only after a look at what that has left', () => {
    expect(stepsFor({ paused: false })).toEqual(['endRestore']);
    // The field was removed: that it has to be resumed for that is not forgotten.
    expect(stepsFor({}, markOf(['paused']))).toEqual(['endRestore']);
    const schedulers: QueueSpec['schedulers'] = [{ name: 's', every: '1m' }];
    const declared = declaredSchedulers({ schedulers });
    const queue = queueObject({ schedulers, rateLimits: { maxJobsPerSecond: 5 } });
    queue.metadata.annotations = { [END_RESTORE_ANNOTATION]: 'r-7' };
    const held = observed(
      { restore, rawOwnerMark: markOf(['rateLimit']) },
      { schedulers: { declared, states: new Map() } },
    );
    // Its jobs obey the limits at once, and what cannot be set besides keeps nobody from ending it.
    expect(planQueue(queue, held, NOW).steps.map(({ kind }) => kind)).toEqual([
      'setRateLimit',
      'endRestore',
      'upsertScheduler',
    ]);
  });

  it('is named until it is ended, with the way out', () => {
    const left = { policy: observed({ restore, paused: true }).policy };
    const [queue, governs] = [queueObject(), { done: [], governs: true }];
    expect(heldByRestore(queue, left, governs)?.message).toContain('redis-queue.io/end-restore=r-7');
    const done = [{ kind: 'endRestore', deadLetters: false }];
    expect(heldByRestore(queue, left, { ...governs, done })).toBeUndefined();
    expect(heldByRestore(queue, { policy: observed().policy }, governs)).toBeUndefined();
  });

  it('is named in both queues, of which each is ended by itself with BullMQ', () => {
    const { policy } = observed({ restore, paused: true });
    const said = heldByRestore(
      queueObject(),
      { policy, deadLetters: { policy: policy! } },
      { done: [], governs: true },
    );
    expect(said?.message).toContain(
      'restore r-7 is at queue emails and its dead-letter queue emails-dlq, which are paused',
    );
    const free = observed({ paused: true }).policy;
    const ofLetters = heldByRestore(
      queueObject(),
      { policy: free, deadLetters: { policy: policy! } },
      { done: [], governs: true },
    );
    expect(ofLetters?.message).toContain('restore r-7 is at dead-letter queue emails-dlq, which is paused');
  });

  it('is named with what it takes where this Queue does not write', () => {
    const left = { policy: observed({ restore, paused: true }).policy };
    const said = (spec: QueueSpec, governs: boolean) =>
      heldByRestore(queueObject(spec), left, { done: [], governs })?.message;
    expect(said({ adoptionPolicy: 'Observe' }, true)).toMatch(
      /set spec.adoptionPolicy to Adopt and annotate the Queue with/,
    );
    expect(said({}, false)).toMatch(/annotate the Queue that governs it with/);
  });

  it('is not said to be paused once somebody has resumed it', () => {
    expect(saidOf('held', true)).toContain('which is paused until it ends');
    for (const message of [saidOf('held', false), saidOf('held', true, ['resume'])]) {
      expect(message).not.toContain('paused until it ends');
      expect(message).toContain('its jobs run, and its job schedulers wait until it ends');
    }
  });
});
