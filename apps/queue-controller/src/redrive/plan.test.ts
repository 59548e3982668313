import { formatOwnerMark } from '@redis-queue/bullmq';
import { describe, expect, it } from 'vitest';
import { deletionDueMs, planRedrive } from './plan.ts';
import type { RedriveObject } from './redrives.ts';
import type { ObservedRedrive, RedrivePlan } from './steps.ts';
import { MARK, NOW, observedPlace, OWNER, redriveObject } from './testing.fixture.ts';

const plan = (redrive: RedriveObject, observed: ObservedRedrive = observedPlace()): RedrivePlan =>
  planRedrive(redrive, observed, () => OWNER, NOW);
const markOf = (owner: string): string =>
  formatOwnerMark({ owner, managed: [], adoptedAt: '2026-01-01T00:00:00.000Z' });
const restored = (creationTimestamp: string): RedriveObject =>
  redriveObject({}, undefined, { creationTimestamp, labels: { 'velero.io/restore-name': 'r1' } });
const REDIS_MS = NOW.getTime() + 60_000;

const ended = (ttl: number | undefined, completionTime: string): RedriveObject =>
  redriveObject({ ...(ttl !== undefined && { ttlSecondsAfterFinished: ttl }) }, { completionTime });

describe('what is done', () => {
  it('first what matches is counted, of what had failed when the object was created, by the clock of Redis', () => {
    // Created within the second 05:06:00, seven seconds ago.
    const untilMs = Date.parse('2026-03-04T05:07:00.999Z');
    expect(plan(redriveObject()).steps).toMatchObject([{ kind: 'count', untilMs }]);
    // A clock of the API server that is ahead of ours makes it no later than now.
    const ahead = redriveObject({}, undefined, { creationTimestamp: '2026-03-04T05:06:30Z' });
    expect(plan(ahead).steps).toMatchObject([{ kind: 'count', untilMs: REDIS_MS }]);
  });

  it('then it is put back, until the same time, while both owner marks are as they were read', () => {
    const status = { matched: 3, lettersUntil: '2026-03-04T05:00:00.123Z' };
    expect(plan(redriveObject({}, status), observedPlace({ deadLetterMark: MARK })).steps).toMatchObject([
      {
        kind: 'putBack',
        untilMs: Date.parse(status.lettersUntil),
        fence: { queueMark: MARK, deadLetterMark: MARK, untilMs: REDIS_MS + 10_000 },
      },
    ]);
  });

  it('a dry run never puts anything back, even if its status says that it has counted', () => {
    expect(plan(redriveObject({ dryRun: true }, { matched: 3 })).steps).toMatchObject([{ kind: 'count' }]);
  });

  it('what has ended is deleted when its time is over, and never does anything else', () => {
    const aMinuteAgo = '2026-03-04T05:05:07Z';
    expect(plan(ended(undefined, aMinuteAgo)).steps).toEqual([]);
    expect(plan(ended(61, aMinuteAgo)).steps).toEqual([]);
    expect(deletionDueMs(ended(61, aMinuteAgo), NOW)).toBe(500);
    expect(plan(ended(60, aMinuteAgo)).steps).toEqual([{ kind: 'delete' }]);
    expect(plan(ended(0, 'no time')).steps).toEqual([]);
  });
});

describe('what keeps it from that', () => {
  it.each<[string, RedriveObject, ObservedRedrive]>([
    ['FilterInvalid', redriveObject({ filter: { data: { path: '$..a', equals: '' } }, suspend: true }), {}],
    ['FilterInvalid', redriveObject({ filter: { failedAfter: 'x' } }), {}],
    ['Suspended', redriveObject({ suspend: true }), {}],
    ['WaitingForRedrive', redriveObject(), { ahead: { name: 'older', queue: 'mails' } }],
    ['QueueNotFound', redriveObject(), { problem: { reason: 'QueueNotFound', message: '' } }],
    ['QueueNotGoverned', redriveObject(), observedPlace({}, { spec: { adoptionPolicy: 'Observe' } })],
    ['QueueNotGoverned', redriveObject(), observedPlace({ queueMark: markOf('c2/shop/emails') })],
    ['QueueNotGoverned', redriveObject(), observedPlace({ queueMark: '{"v":9}' })],
    ['QueueNotGoverned', redriveObject(), observedPlace({ deadLetterMark: markOf('c1/shop/emails-dlq') })],
    ['QueueNotGoverned', redriveObject(), observedPlace({ deadLetterMark: '{"v":9}' })],
    ['WaitingForRestore', redriveObject({ dryRun: true }), observedPlace({ restoringId: 'r-7' })],
    ['WaitingForRestore', redriveObject({}, { matched: 3 }), observedPlace({ restoringId: 'r-7' })],
  ])('%s', (reason, redrive, observed) => {
    expect(plan(redrive, observed)).toMatchObject({ steps: [], problem: { reason } });
  });

  it('that Velero has created it without the status of its end, for which it waits a minute', () => {
    expect(plan(restored('2026-03-04T05:05:00Z'))).toMatchObject({
      steps: [],
      problem: { reason: 'RestoredByVelero' },
    });
    expect(plan(restored('2026-03-04T05:06:00Z'))).toEqual({ steps: [] });
  });

  it('a queue that nobody has marked, or whose removal was begun', () => {
    const { queueMark: _, ...state } = observedPlace().place!.state;
    const unmarked = { place: { ...observedPlace().place!, state } };
    expect(plan(redriveObject(), unmarked).problem?.reason).toBe('QueueNotGoverned');
    const removal = { fence: 'f', paused: true };
    const removed = formatOwnerMark({ owner: OWNER, managed: [], adoptedAt: '2026-01-01T00:00:00.000Z', removal });
    expect(plan(redriveObject(), observedPlace({ queueMark: removed })).problem?.reason).toBe('QueueNotGoverned');
    expect(plan(redriveObject(), observedPlace({ deadLetterMark: removed })).problem?.message).toContain(
      'being removed',
    );
    const metadata = { namespace: 'shop', name: 'emails', deletionTimestamp: '2026-03-04T05:00:00Z' };
    expect(plan(redriveObject(), observedPlace({}, { metadata })).problem?.message).toContain('is being deleted');
  });
});
