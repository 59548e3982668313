import type { ScalingDecision } from '@redis-queue/scaling-bus';
import { expect, it } from 'vitest';
import { aDecision, aPool, autoscaled } from '../testing/objects.ts';
import { allReady, brief, deployment, statusOf } from '../testing/statuses.ts';
import { statusEvents } from './events.ts';
import { compareStatus } from './news.ts';

const pool = aPool(autoscaled(0, 10));
const served = { deployment: deployment(pool, 2, allReady(2)) };
const AT = Date.parse('2026-11-30T02:15:00Z');

/** A decision by which nobody has consumed so many queues for 95 s. */
function idle(count: number, over: Partial<ScalingDecision['signals'][number]> = {}): ScalingDecision {
  const signals = Array.from({ length: count }, (_, n) => ({
    queue: `emails-${String.fromCodePoint(97 + n)}`,
    depth: 12,
    notConsumedMs: 95_000,
    freeSlots: 20,
    ...over,
  }));
  return aDecision({ sampledAt: AT, signals: [...signals, { queue: 'receipts', depth: 0 }] });
}
const saidOf = (status: ReturnType<typeof statusOf>) =>
  status.conditions?.find(({ type }) => type === 'QueueNotConsumed')?.message;

it('names the queue, since when, what waits, what is free and where to look, and degrades the pool', () => {
  const status = statusOf(pool, { ...served, decision: idle(1) });
  expect(brief(status)).toMatchObject({
    QueueNotConsumed: 'True QueueNotConsumed',
    Degraded: 'True QueueNotConsumed',
    Ready: 'True RolledOut',
  });
  expect(saidOf(status)).toMatch(
    /: emails-a since 2026-11-30T02:13:25Z \(12 jobs wait, 20 slots are free\)\. Read the log of the pods/,
  );
  expect(saidOf(statusOf(pool, { decision: idle(1, { depth: 1, freeSlots: 1 }) }))).toContain(
    '(1 job waits, 1 slot is free)',
  );
  expect(saidOf(statusOf(pool, { decision: idle(7) }))).toContain('free) and 2 more queues.');
});

it('is news at once, with every queue that comes or goes, and not with every job', () => {
  const before = statusOf(pool, { ...served, decision: idle(1) });
  const of = (decision: ScalingDecision) => compareStatus(before, statusOf(pool, { ...served, decision }));
  expect([of(aDecision()), of(idle(2))]).toEqual(['news', 'news']);
  expect(of(idle(1, { depth: 13 }))).not.toBe('news');
  // a decision a second later, by a clock that is a little off
  const later = { ...idle(1, { notConsumedMs: 96_004 }), sampledAt: AT + 1_000 };
  expect(saidOf(statusOf({ ...pool, status: before }, { ...served, decision: later }))).toBe(saidOf(before));
});

it('stays while a controller that has restarted has seen no decision, and ends with a job or autoscaling', () => {
  const before = statusOf(pool, { ...served, decision: idle(1) });
  expect(saidOf(statusOf({ ...pool, status: before }, served))).toBe(saidOf(before));
  expect(saidOf(statusOf({ ...pool, status: before }, { ...served, decision: aDecision() }))).toBeUndefined();
  expect(saidOf(statusOf(aPool({}, before), { ...served, decision: idle(1) }))).toBeUndefined();
});

it('is an event once', () => {
  const before = statusOf(pool, served);
  const [one, two] = [1, 2].map((count) => statusOf(pool, { ...served, decision: idle(count) }));
  expect(statusEvents(before, one!)).toContainEqual(
    expect.objectContaining({ type: 'Warning', reason: 'QueueNotConsumed', message: saidOf(one!) }),
  );
  expect(statusEvents(one, two!).map(({ reason }) => reason)).not.toContain('QueueNotConsumed');
});
