import type { QueueSpec } from '@redis-queue/api';
import { NO_DIGEST, type ObservedPolicy } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { planQueue } from '../plan.ts';
import type { ObservedQueue, QueuePlan } from '../steps.ts';
import type { ObservedDeadLetters } from './dead-letter-steps.ts';
import { emptySample, FENCE, markOf, NOW, observed, queueObject } from '../testing/queues.ts';

const keeps: QueueSpec = { dlqPolicy: { enabled: true } };
const MANAGED = { rawOwnerMark: markOf(['deadLetters']) };

/** A dead-letter queue with this in its `meta`. */
function letters(policy: Partial<ObservedPolicy> = {}, rest: Partial<ObservedDeadLetters> = {}): ObservedDeadLetters {
  return { policy: { exists: false, paused: false, legacyPaused: 0, digest: NO_DIGEST, ...policy }, ...rest };
}

const kinds = ({ steps }: QueuePlan): string[] => steps.map(({ kind }) => kind);
const plan = (spec: QueueSpec, facts: ObservedQueue, metadata = {}): QueuePlan =>
  planQueue(queueObject(spec, metadata), facts, NOW);

describe('the dead-letter queue', () => {
  it('is claimed after the queue, whose mark names it before', () => {
    const { steps, problem } = plan(keeps, observed({}, { deadLetters: letters() }));
    expect(steps).toMatchObject([
      { kind: 'claim', mark: { managed: ['deadLetters'] } },
      { kind: 'claimDeadLetters', expected: undefined, owns: { owner: 'c1/shop/emails', managed: [] } },
    ]);
    expect(problem).toBeUndefined();
  });

  it('is left as it is once it is claimed', () => {
    const held = observed(MANAGED, { deadLetters: letters({ rawOwnerMark: markOf([]) }) });
    expect(plan(keeps, held)).toMatchObject({ steps: [] });
  });

  it('is released before the mark of the queue ceases to name it', () => {
    const held = observed(MANAGED, { deadLetters: letters({ rawOwnerMark: markOf([]) }) });
    expect(kinds(plan({}, held))).toEqual(['releaseDeadLetters', 'release']);
    expect(kinds(plan({ dlqPolicy: { enabled: false } }, held))).toEqual(['releaseDeadLetters', 'release']);
    // Of another it is left alone.
    const theirs = observed(MANAGED, { deadLetters: letters({ rawOwnerMark: markOf([], 'c1/crm/mail') }) });
    expect(kinds(plan({}, theirs))).toEqual(['release']);
  });

  it('that was to be removed is taken back', () => {
    const begun = letters({ rawOwnerMark: markOf([], undefined, { fence: 'f0', paused: false }) });
    const [step] = plan(keeps, observed(MANAGED, { deadLetters: begun })).steps;
    expect(step).toMatchObject({
      kind: 'claimDeadLetters',
      owns: expect.not.objectContaining({ removal: expect.anything() }),
    });
  });

  it.each<[string, ObservedDeadLetters, object, string]>([
    [
      'a Queue that names it',
      letters({ rawOwnerMark: markOf([], 'c1/crm/emails-dlq') }, { holder: 'claims' }),
      {},
      'Conflict',
    ],
    [
      'a Queue that names it, with the annotation',
      letters({ rawOwnerMark: markOf([], 'c1/crm/emails-dlq') }, { holder: 'claims' }),
      { annotations: { 'redis-queue.io/take-over': 'true' } },
      'claimDeadLetters',
    ],
    [
      'one that had the queue before, and its letters',
      letters({ rawOwnerMark: markOf([], 'c1/crm/emails') }, { holder: 'deadLetters' }),
      {},
      'claimDeadLetters',
    ],
    ['one that is gone', letters({ rawOwnerMark: markOf([], 'c1/crm/x') }, { holder: 'gone' }), {}, 'claimDeadLetters'],
    ['another cluster', letters({ rawOwnerMark: markOf([], 'c2/shop/emails') }), {}, 'OwnedByOtherCluster'],
    ['a later release', letters({ rawOwnerMark: '{"v":2}' }), {}, 'OwnerMarkUnreadable'],
    ['a key of another type', { problem: { reason: 'QueueUnreadable', message: 'WRONGTYPE' } }, {}, 'QueueUnreadable'],
  ])('held by %s', (_, deadLetters, metadata, expected) => {
    const { steps, problem } = plan({ ...keeps, globalConcurrency: 2 }, observed({}, { deadLetters }), metadata);
    const outcome = problem?.reason ?? steps.at(-1)?.kind;
    expect(outcome).toBe(expected);
    // Whoever has it: the rest of the spec holds.
    expect(steps.map(({ kind }) => kind)).toContain('setGlobalConcurrency');
  });

  it('Refuse takes none that exists and is nobody’s', () => {
    const deadLetters = letters({ exists: true });
    const refused = plan({ ...keeps, adoptionPolicy: 'Refuse' }, observed({}, { deadLetters }));
    expect(refused.problem).toMatchObject({ reason: 'QueueExists', message: expect.stringContaining('emails-dlq') });
  });
});

const SAMPLE = emptySample();

const ours = (removal?: { fence: string; paused: boolean }, dead = 1): ObservedDeadLetters =>
  letters({ rawOwnerMark: markOf([], undefined, removal) }, { sample: { ...SAMPLE, failed: dead } });
const withLetters = (dead: number): ObservedQueue =>
  observed({ rawOwnerMark: markOf([]) }, { deadLetters: ours(undefined, dead), sample: SAMPLE });

describe('the dead letters of a deleted Queue', () => {
  const leaving = {
    deletionTimestamp: '2026-03-04T05:00:00Z',
    finalizers: ['redis-queue.io/queue-data'],
  };
  const removing = { rawOwnerMark: markOf([], undefined, { fence: FENCE, paused: true }), paused: true };
  const wipes: QueueSpec = { ...keeps, deletionPolicy: 'Delete' };

  it('go after the jobs of the queue, under a mark of this removal', () => {
    const facts = observed(removing, { deadLetters: ours(), sample: SAMPLE });
    const { steps } = plan(wipes, facts, leaving);
    expect(steps.map(({ kind }) => kind)).toEqual([
      'obliterate',
      'beginDeadLetterRemoval',
      'obliterateDeadLetters',
      'removeFinalizer',
    ]);
    const mark = markOf([], undefined, { fence: FENCE, paused: false });
    expect(steps[2]).toMatchObject({ expected: mark, stopAt: 'busy' });
  });

  it('are found when only they are left, as after a crash', () => {
    const half = ours({ fence: FENCE, paused: false });
    const facts = observed({}, { deadLetters: half, sample: { ...SAMPLE, exists: false } });
    expect(kinds(plan(wipes, facts, leaving))).toEqual(['obliterateDeadLetters', 'removeFinalizer']);
    expect(kinds(plan({ ...wipes, deletionPolicy: 'Retain' }, facts, leaving))).toEqual([
      'endDeadLetterRemoval',
      'removeFinalizer',
    ]);
  });

  it('keep a queue with DeleteIfEmpty, and are not removed with one that is empty', () => {
    const spec: QueueSpec = { ...keeps, deletionPolicy: 'DeleteIfEmpty' };
    expect(plan(spec, withLetters(2), leaving).steps).toMatchObject([
      { kind: 'removeFinalizer', dataRetained: expect.stringContaining('2 of them dead letters') },
    ]);
    expect(kinds(plan(spec, withLetters(0), leaving))).toContain('obliterateDeadLetters');
  });

  it('that are another’s stay', () => {
    const theirs = letters({ rawOwnerMark: markOf([], 'c1/crm/mail') }, { sample: { ...SAMPLE, failed: 3 } });
    expect(kinds(plan(wipes, observed(removing, { deadLetters: theirs, sample: SAMPLE }), leaving))).toEqual([
      'obliterate',
      'removeFinalizer',
    ]);
  });
});
