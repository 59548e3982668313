import { describe, expect, it } from 'vitest';
import { untilNextSampleMs, onGrid, phaseOf, SAFETY_POLL_MS } from './cadence.ts';
import { aSample } from '../testing/objects.ts';

const next = (sample: Parameters<typeof aSample>[0], poolsAtZero = true) =>
  untilNextSampleMs({ sample: aSample(sample), poolsAtZero, podStartMs: 10_000 });

const stretched = (sample: Parameters<typeof aSample>[0], stretch: number) =>
  untilNextSampleMs({ sample: aSample(sample), poolsAtZero: false, podStartMs: 10_000, stretch });

describe('how often a queue is sampled', () => {
  it.each(['waiting', 'prioritized', 'active', 'overdue', 'dueSoon', 'legacyPaused'] as const)(
    'every tick while it has a job that is %s',
    (state) => {
      expect(next({ [state]: 1 })).toBe(1_000);
      expect(next({ [state]: 1 }, false)).toBe(1_000);
    },
  );

  it('every tick at zero too where nothing notifies of new jobs', () => {
    expect(untilNextSampleMs({ sample: aSample({}), poolsAtZero: true, podStartMs: 10_000, hasWakeUps: false })).toBe(
      1_000,
    );
  });

  it('hardly ever at rest: wake-ups notify of new jobs', () => {
    expect(next({})).toBe(SAFETY_POLL_MS);
  });

  it('a pod’s start time before the next delayed job is due', () => {
    expect(next({ delayed: 1, nextDelayedDueMs: 1_000_000 + 17_000 })).toBe(7_000);
    expect(next({ delayed: 1, nextDelayedDueMs: 1_000_000 + 3_600_000 })).toBe(SAFETY_POLL_MS);
    expect(next({ delayed: 1, nextDelayedDueMs: 1_000_000 - 5 })).toBe(0);
  });

  it('when pods have to be requested because a burst is expected', () => {
    const rest = { sample: aSample({}), poolsAtZero: true, podStartMs: 10_000 };
    expect(untilNextSampleMs({ ...rest, untilBurstMs: 7_000 })).toBe(7_000);
    expect(untilNextSampleMs({ ...rest, untilBurstMs: 3_600_000 })).toBe(SAFETY_POLL_MS);
  });

  it('often enough not to be stale while its pools still have pods', () => {
    expect(next({}, false)).toBe(2_000);
  });

  it('later when the budget of its Redis is spent, queues without waiting jobs first, and never so late that it is stale', () => {
    expect(stretched({ active: 1 }, 2.5)).toBe(2_500);
    expect(stretched({ waiting: 1 }, 2.5)).toBe(1_000);
    expect(stretched({ active: 1 }, 16)).toBe(8_000);
    expect(stretched({ waiting: 1 }, 16)).toBe(2_000);
    expect(stretched({ waiting: 1 }, 40)).toBe(5_000);
    expect(stretched({}, 40)).toBe(8_000);
  });

  it('rarely while it is paused and its pools are at zero', () => {
    expect(next({ waiting: 5, paused: true })).toBe(5_000);
  });

  it('on a grid that the queues of a pool share', () => {
    expect(onGrid(1_001, 0)).toBe(2_000);
    expect(onGrid(2_000, 0)).toBe(2_000);
    expect(onGrid(2_000, 12_300)).toBe(2_300);
    expect(onGrid(2_300, 12_300)).toBe(2_300);
    expect(onGrid(2_301, 12_300, SAFETY_POLL_MS)).toBe(12_300);
    expect(phaseOf({ pools: ['team/mails', 'team/reports'] })).toBe(phaseOf({ pools: ['team/mails'] }));
  });

  it('so that the queues of many pools are spread over each second and over the interval of the safety net', () => {
    const phases = Array.from({ length: 3_000 }, (_, n) => phaseOf({ pools: [`team/pool-${n}`] }));
    const shares = (lane: (phaseMs: number) => number): number[] =>
      [...Map.groupBy(phases, lane).values()].map(({ length }) => length);
    const lanes = shares((phaseMs) => phaseMs % 1_000);
    expect(lanes.length).toBe(10);
    expect(Math.max(...lanes)).toBeLessThan(450);
    expect(Math.max(...shares((phaseMs) => phaseMs))).toBeLessThan(40);
  });
});
