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
    // A restart, and a user who may not ask.
    reported(3, 10_000);
    reported(undefined, 15_000);
    expect(budget.stretch).toBe(stretch);
    reported(9_000, 20_000);
    expect(budget.share).toBeGreaterThan(0.1);
  });

  it('is one for all users of a server, whose reports do not make it measure more often', () => {
    const budget = new SamplingBudget();
    let shareAt5s: number | undefined;
    // Twenty users with 250 queues each, all of which are read once per second at 20 µs.
    for (let tick = 0; tick <= 400; tick++) {
      budget.read(250);
      if (tick % 4 === 0) budget.reported({ readScriptMs: tick * 250 * 0.02 }, tick * 50);
      if (tick % 4 === 1) budget.reported({}, tick * 50);
      if (tick === 101) shareAt5s = budget.share;
    }
    expect(shareAt5s).toBeCloseTo(0.1);
    expect(budget.stretch).toBeGreaterThan(3);
    expect(budget.stretch).toBeLessThan(200);
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

  it('puts nothing off for scripts of others beside 600 queues, once it has seen what its own reads take', () => {
    const budget = new SamplingBudget();
    let readScriptMs = 0;
    const pass = (seconds: number, fromSecond: number, othersMs: number): void => {
      for (let second = fromSecond; second < fromSecond + seconds; second += 5) {
        budget.reported({ readScriptMs }, 1_000 * second);
        budget.read(3_000);
        readScriptMs += 3_000 * 0.013 + 5 * othersMs;
      }
    };
    pass(60, 0, 0);
    expect(budget.stretch).toBe(1);
    // A backup takes a tenth of a core for a while.
    pass(300, 60, 100);
    expect(budget.stretch).toBe(1);
  });

  it('is kept within minutes where reads become dearer, as on a slower server', () => {
    const budget = new SamplingBudget();
    let [readScriptMs, tookMs] = [0, 0];
    for (let second = 0; second < 1_500; second += 5) {
      budget.reported({ readScriptMs }, 1_000 * second);
      const reads = 5_000 / Math.max(1, budget.stretch);
      budget.read(reads);
      tookMs = reads * (second < 300 ? 0.015 : 0.045);
      readScriptMs += tookMs;
    }
    expect(tookMs / 5_000).toBeLessThanOrEqual(SAMPLING_BUDGET);
  });
});
