import type { DecisionAdvice } from '@redis-queue/scaling-bus';
import { expect, it } from 'vitest';
import { aDecision, aPool, autoscaled } from '../testing/objects.ts';
import { statusOf } from '../testing/statuses.ts';
import { adviceStatus } from './advice.ts';
import { compareStatus } from './news.ts';

const ADVICE: DecisionAdvice = {
  concurrency: 20,
  resources: { requests: { cpu: '700m' }, limits: { memory: '352Mi' } },
  eventLoopLagMs: 880,
  message: 'Better: concurrency 20 instead of 10.',
  pods: 14,
  since: Date.UTC(2026, 0, 1),
};
const REPORTED = { ...ADVICE, since: '2026-01-01T00:00:00Z' };
const RESOURCES = { requests: { cpu: '700m' }, limits: { memory: '352Mi' } };

it('is what the autoscaler says, with a time that a person reads', () => {
  const pool = aPool(autoscaled(0, 10));
  expect(adviceStatus(pool, ADVICE)).toEqual(REPORTED);
  expect(adviceStatus(pool, { message: 'fits', pods: 1, since: 0 })).toEqual({
    message: 'fits',
    pods: 1,
    since: '1970-01-01T00:00:00Z',
  });
  expect(statusOf(pool, { decision: aDecision({ advice: ADVICE }) }).autoscaling?.advice).toEqual(REPORTED);
});

it('stays while an autoscaler that has restarted measures anew, until it has been followed', () => {
  const statusWith = (advice: typeof REPORTED | Omit<typeof REPORTED, 'concurrency'>) => ({
    autoscaling: { desired: 1, advice },
  });
  const { concurrency: _, ...resourcesOnly } = REPORTED;
  const half = { ...autoscaled(0, 10), resources: { requests: { cpu: '700m' } } };
  expect(adviceStatus(aPool(half, statusWith(REPORTED)), undefined)).toEqual(REPORTED);
  expect(adviceStatus(aPool(half, statusWith(resourcesOnly)), undefined)).toEqual(resourcesOnly);
  expect(adviceStatus(aPool({ ...half, concurrency: 20 }, statusWith(REPORTED)), undefined)).toBeUndefined();
  expect(adviceStatus(aPool({ ...half, resources: RESOURCES }, statusWith(resourcesOnly)), undefined)).toBeUndefined();
});

it('ends with autoscaling', () => {
  const pool = aPool({}, { autoscaling: { decision: '1.1', advice: REPORTED } });
  expect(statusOf(pool).autoscaling).toEqual({ decision: '1.1' });
});

it('is worth a write with the numbers, never one of its own at once, and none while it says the same', () => {
  const pool = aPool(autoscaled(0, 10));
  const decision = aDecision({ advice: ADVICE });
  const before = statusOf(pool, { decision: aDecision() });
  const after = statusOf(pool, { decision });
  expect(compareStatus(before, after)).toBe('numbers');
  const later = statusOf({ ...pool, status: after }, { decision: { ...decision, sequence: 2 } });
  expect(compareStatus(after, later)).toBe('none');
});
