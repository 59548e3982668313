import { describe, expect, it } from 'vitest';
import {
  CALM_STRETCH,
  nextStretch,
  SAMPLING_BUDGET,
  SamplingBudget,
  stretchedMs,
  URGENT_STRETCH,
} from './sampling-budget.ts';

/**
 * The share of a core that sampling takes: each sample costs `us` and is taken once per second, put off by `stretch`.
 */
function shareOf({ calm, urgent, us }: { calm: number; urgent: number; us: number }, stretch: number): number {
  const samples =
    (1_000 * calm) / stretchedMs(1_000, false, stretch) + (1_000 * urgent) / stretchedMs(1_000, true, stretch);
  return (samples * us) / 1_000_000;
}

function settled(load: { calm: number; urgent: number; us: number }, steps = 12): number {
  let stretch = 1;
  for (let step = 0; step < steps; step++) stretch = nextStretch(stretch, shareOf(load, stretch));
  return shareOf(load, stretch);
}

describe('the budget of sampling', () => {
  it('puts nothing off while it is not exceeded', () => {
    expect(nextStretch(1, 0.001)).toBe(1);
    expect(nextStretch(1, 0)).toBe(1);
  });

  it.each([
    { calm: 5_000, urgent: 0, us: 40 },
    { calm: 4_000, urgent: 1_000, us: 20 },
    { calm: 0, urgent: 5_000, us: 25 },
    { calm: 100, urgent: 1_500, us: 30 },
  ])('is not exceeded with $calm calm queues and $urgent with waiting jobs at $us µs per sample', (load) => {
    expect(shareOf(load, 1)).toBeGreaterThan(SAMPLING_BUDGET);
    expect(settled(load)).toBeLessThanOrEqual(SAMPLING_BUDGET);
    expect(settled(load)).toBeGreaterThan(SAMPLING_BUDGET / 3);
  });

  it('never puts samples off without bound', () => {
    expect(nextStretch(40, 1)).toBe(CALM_STRETCH * URGENT_STRETCH);
  });

  it('comes back to full cadence when the load is gone, not all at once', () => {
    expect(nextStretch(8, 0)).toBe(4);
    expect(nextStretch(1.5, 0)).toBe(1);
  });

  it('measures how long read-only scripts ran between two reports, and starts anew after a restart of the server', () => {
    const budget = new SamplingBudget();
    const reported = (readScriptMs: number | undefined, atMs: number): void => {
      budget.read(50_000);
      budget.reported(readScriptMs === undefined ? {} : { readScriptMs }, atMs);
    };
    reported(1_000, 0);
    expect(budget).toMatchObject({ stretch: 1, share: undefined });
    reported(1_500, 5_000);
    expect(budget.share).toBeCloseTo(0.1);
    expect(budget.stretch).toBeGreaterThan(3);
    const { stretch } = budget;
    reported(3, 10_000);
    reported(undefined, 15_000);
    reported(9_000, 20_000);
    expect(budget.stretch).toBe(stretch);
  });

  it('puts nothing off for scripts of others, as those of a backup', () => {
    const budget = new SamplingBudget();
    for (let second = 0; second <= 60; second += 5) {
      budget.read(5);
      budget.reported({ readScriptMs: 500 * second }, 1_000 * second);
    }
    expect(budget.stretch).toBe(1);
    expect(budget.share).toBeLessThan(0.001);
  });
});
