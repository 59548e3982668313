import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { EMPTY_BIN, fillBins } from './bins.ts';
import { BIN_MS } from './method.ts';

it('hands out the rate of each five seconds, however the samples lie', () => {
  const first = fillBins(EMPTY_BIN, 30, 3_000);
  expect(first).toEqual({ full: [], open: { events: 30, elapsedMs: 3_000 } });
  const second = fillBins(first.open, 40, 4_000);
  expect(second).toEqual({ full: [10], open: { events: 20, elapsedMs: 2_000 } });
});

it('spreads what came in a long gap evenly, and returns its last minute only', () => {
  const { full } = fillBins(EMPTY_BIN, 36_000, 3_600_000);
  expect(full).toHaveLength(12);
  expect(new Set(full)).toEqual(new Set([10]));
});

it('neither loses nor invents a job', () => {
  const sample = fc.record({
    events: fc.integer({ min: 0, max: 1_000 }),
    elapsedMs: fc.integer({ min: 1, max: 20_000 }),
  });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 50 }), (samples) => {
      let [open, jobs] = [EMPTY_BIN, 0];
      for (const { events, elapsedMs } of samples) {
        const { full, open: next } = fillBins(open, events, elapsedMs);
        jobs += full.reduce((sum, rate) => sum + (rate * BIN_MS) / 1_000, 0);
        open = next;
      }
      expect(jobs + open.events).toBeCloseTo(
        samples.reduce((sum, { events }) => sum + events, 0),
        6,
      );
    }),
  );
});
