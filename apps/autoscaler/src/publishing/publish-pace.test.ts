import { describe, expect, it } from 'vitest';
import type { Decision } from '@redis-queue/scaling';
import { DECISION } from '../testing/objects.ts';
import { isWorthPublishing } from './publish-pace.ts';

const at = (atMs: number, over: Partial<Decision> = {}, generation = 1) => ({
  atMs,
  generation,
  decision: { ...DECISION, ...over },
});

/** A decision on a queue that nobody has consumed for so long. */
const idle = (notConsumedMs: number) => ({ signals: [{ queue: 'emails', depth: 12, notConsumedMs }] });

describe('a decision is published', () => {
  it('again every tick while the pool does not have its size yet, no more often', () => {
    expect(isWorthPublishing(at(0), at(1_000), 0, false)).toBe(true);
    expect(isWorthPublishing(at(0), at(300), 0, false)).toBe(false);
  });

  it('again, but rarely, while the consumer is behind, but before the last one expires', () => {
    expect(isWorthPublishing(at(0), at(7_000), 0, true)).toBe(false);
    expect(isWorthPublishing(at(0), at(7_500), 0, true)).toBe(true);
    expect(isWorthPublishing(at(0), at(10, { desired: 4 }), 0, true)).toBe(true);
  });

  it('at once when the size changes', () => {
    expect(isWorthPublishing(at(0), at(10, { desired: 4 }), 0, false)).toBe(true);
  });

  it('never while the pool has its size and nothing changes', () => {
    expect(isWorthPublishing(at(0), at(3_600_000), 3, false)).toBe(false);
  });

  it.each([
    ['a hold begins', { heldBy: 'SensorFailed' as const }, 1],
    ['a limit is reached', { safetyLimitHit: true }, 1],
    ['the spec changed', {}, 2],
  ])('when %s although the size stays', (_, over, generation) => {
    expect(isWorthPublishing(at(0), at(10, over, generation), 3, false)).toBe(true);
  });

  it('once a minute for new numbers', () => {
    expect(isWorthPublishing(at(0), at(59_000, { reason: 'other' }), 3, false)).toBe(false);
    expect(isWorthPublishing(at(0), at(60_000, { reason: 'other' }), 3, false)).toBe(true);
  });

  it('once when nobody consumes a queue, and once when somebody does, although the size stays', () => {
    expect(isWorthPublishing(at(0), at(10, idle(60_000)), 3, false)).toBe(true);
    expect(isWorthPublishing(at(0, idle(60_000)), at(10, idle(61_000)), 3, false)).toBe(false);
    expect(isWorthPublishing(at(0, idle(60_000)), at(10), 3, false)).toBe(true);
  });

  it('once when wake-ups no longer work, and once when they do, although the size stays', () => {
    const polled = 'the connection for notifications was lost';
    expect(isWorthPublishing(at(0), { ...at(10), polled }, 3, false)).toBe(true);
    expect(isWorthPublishing({ ...at(0), polled }, { ...at(10), polled: 'NOPERM' }, 3, false)).toBe(false);
    expect(isWorthPublishing({ ...at(0), polled }, at(10), 3, false)).toBe(true);
  });

  it('once for new advice although the size stays', () => {
    const advice = { concurrency: 20, message: 'Better: concurrency 20.', pods: 3, sinceMs: 1_790_000_000_000.4 };
    expect(isWorthPublishing(at(0), { ...at(10), advice }, 3, false)).toBe(true);
    expect(isWorthPublishing({ ...at(0), advice }, { ...at(10), advice }, 3, false)).toBe(false);
    expect(isWorthPublishing({ ...at(0), advice }, at(10), 3, false)).toBe(false);
  });

  it('once when handlers are stuck, and once when they are no longer', () => {
    const stuckPods = [{ pod: 'p-0', handlers: 1, slots: 4 }];
    expect(isWorthPublishing(at(0), { ...at(10), stuckPods }, 3, false)).toBe(true);
    expect(isWorthPublishing({ ...at(0), stuckPods }, { ...at(10), stuckPods }, 3, false)).toBe(false);
    expect(isWorthPublishing({ ...at(0), stuckPods }, at(10), 3, false)).toBe(true);
    expect(isWorthPublishing(at(0), { ...at(10), contractLevel: 2 }, 3, false)).toBe(true);
  });
});
