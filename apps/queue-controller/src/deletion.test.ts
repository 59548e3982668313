import type { QueueReason, QueueSpec } from '@redis-queue/api';
import type { QueueSample } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { planQueue } from './plan.ts';
import type { ObservedQueue, QueuePlan } from './steps.ts';
import { CLUSTER, markOf, observed, queueObject } from './testing/queues.ts';

const DELETED = '2026-03-04T05:00:00Z';
const minutesLater = (minutes: number): Date => new Date(Date.parse(DELETED) + minutes * 60_000);
const ours = { rawOwnerMark: markOf([]) };
const empty: QueueSample = {
  ref: { prefix: 'bull', name: 'emails' },
  redisTimeMs: 0,
  exists: true,
  waiting: 0,
  prioritized: 0,
  active: 0,
  delayed: 0,
  overdue: 0,
  dueSoon: 0,
  completed: 0,
  failed: 0,
  waitingChildren: 0,
  legacyPaused: 0,
  paused: false,
};

function plan(spec: QueueSpec, facts: ObservedQueue, minutes = 0, annotations: Record<string, string> = {}): QueuePlan {
  const finalizers = ['redis-queue.io/queue-data'];
  return planQueue(
    queueObject(spec, { deletionTimestamp: DELETED, finalizers, annotations }),
    facts,
    minutesLater(minutes),
  );
}

function unreadable(reason: QueueReason): ObservedQueue {
  return { clusterId: CLUSTER, claimants: [], problem: { reason, message: 'why' } };
}

describe('deleting a Queue', () => {
  it('Delete removes the data, then releases the object', () => {
    expect(plan({ deletionPolicy: 'Delete' }, observed(ours)).steps).toEqual([
      { kind: 'obliterate', force: false },
      { kind: 'removeFinalizer' },
    ]);
    const forced = plan({ deletionPolicy: 'Delete' }, observed(ours), 0, { 'redis-queue.io/force-delete': 'true' });
    expect(forced.steps[0]).toEqual({ kind: 'obliterate', force: true });
  });

  it('data without a mark is not ours, or is gone already: the object is released and nothing is touched', () => {
    expect(plan({ deletionPolicy: 'Delete' }, observed({ exists: true })).steps).toEqual([{ kind: 'removeFinalizer' }]);
  });

  it.each([markOf([], 'c1/crm/mail'), markOf([], 'c2/shop/emails'), '{"v":2}'])(
    'data under the mark %s stays',
    (rawOwnerMark) => {
      const { steps } = plan({ deletionPolicy: 'Delete' }, observed({ rawOwnerMark }));
      expect(steps).toEqual([{ kind: 'removeFinalizer', dataRetained: expect.any(String) }]);
    },
  );

  it.each<[Partial<QueueSample>, string[]]>([
    [{}, ['obliterate', 'removeFinalizer']],
    [{ completed: 5 }, ['obliterate', 'removeFinalizer']],
    [{ waiting: 1 }, ['removeFinalizer']],
    [{ delayed: 1 }, ['removeFinalizer']],
    [{ failed: 1 }, ['removeFinalizer']],
    [{ active: 1 }, ['removeFinalizer']],
    [{ legacyPaused: 1 }, ['removeFinalizer']],
    [{ waitingChildren: 1 }, ['removeFinalizer']],
    [{ prioritized: 1 }, ['removeFinalizer']],
  ])('DeleteIfEmpty with %j → %j', (counts, expected) => {
    const { steps } = plan({ deletionPolicy: 'DeleteIfEmpty' }, observed(ours, { sample: { ...empty, ...counts } }));
    expect(steps.map((step) => step.kind)).toEqual(expected);
  });

  it('a Queue that became Retain before it was deleted keeps its data', () => {
    expect(plan({}, observed(ours)).steps).toMatchObject([
      { kind: 'removeFinalizer', dataRetained: 'deletionPolicy is Retain' },
    ]);
  });

  it.each<[QueueReason, number, number]>([
    ['SecretNotFound', 4, 0],
    ['SecretNotFound', 5, 1],
    ['SecretInvalid', 6, 1],
    ['SecretNotPermitted', 6, 1],
    ['PrefixReserved', 6, 1],
    ['RedisUnreachable', 600, 0],
    ['RedisAuthFailed', 600, 0],
  ])('with %s, %i minutes after the deletion, %i steps', (reason, minutes, count) => {
    const { steps } = plan({ deletionPolicy: 'Delete' }, unreadable(reason), minutes);
    expect(steps).toHaveLength(count);
    for (const step of steps) expect(step).toEqual({ kind: 'removeFinalizer', dataRetained: 'why' });
  });

  it('nothing is done for a Queue that others hold', () => {
    const held = queueObject({ deletionPolicy: 'Delete' }, { deletionTimestamp: DELETED, finalizers: ['other'] });
    expect(planQueue(held, observed(ours), minutesLater(9))).toEqual({ steps: [] });
  });
});
