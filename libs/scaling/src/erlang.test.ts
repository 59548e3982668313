import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { erlangB, erlangC, slotsForWaitTarget } from './erlang.ts';

const target = (over: Partial<Parameters<typeof slotsForWaitTarget>[0]>) =>
  slotsForWaitTarget({
    offeredLoad: 10,
    serviceTimeMs: 1_000,
    waitTargetMs: 1_000,
    missRate: 0.05,
    variability: 1,
    ...over,
  });

describe('Erlang', () => {
  it('agrees with published tables', () => {
    expect(erlangB(10, 5)).toBeCloseTo(0.01838, 5);
    expect(erlangC(1, 0.7)).toBeCloseTo(0.7, 9); // M/M/1: a job waits when the one slot is busy.
    expect(erlangC(14, 10)).toBeCloseTo(0.1741, 3);
  });

  it('needs the slots computed by hand for 99 % of the jobs in time', () => {
    expect(target({ offeredLoad: 10, missRate: 0.01 })).toBe(14);
    expect(target({ offeredLoad: 100, missRate: 0.01 })).toBe(105);
    expect(target({ offeredLoad: 12, serviceTimeMs: 60_000, waitTargetMs: 30_000, missRate: 0.01 })).toBe(18);
  });

  it('stays a probability for loads that overflow factorials', () => {
    expect(erlangC(5_100, 5_000)).toBeGreaterThan(0);
    expect(erlangC(5_100, 5_000)).toBeLessThan(1);
  });

  it('asks for nothing without load', () => {
    expect(target({ offeredLoad: 0 })).toBe(0);
  });

  it('asks for more slots for more variable work', () => {
    expect(target({ offeredLoad: 50, variability: 4 })).toBeGreaterThan(target({ offeredLoad: 50, variability: 1 }));
  });

  it('hands over to the square-root rule without a jump', () => {
    const exact = target({ offeredLoad: 19_999.5, waitTargetMs: 100 });
    const ruled = target({ offeredLoad: 20_000.5, waitTargetMs: 100 });
    expect(Math.abs(ruled - exact)).toBeLessThan(20_000 * 0.002);
  });

  it('never asks for fewer slots for more load or a shorter target, and always for more than the load', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 2_000, noNaN: true }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        fc.integer({ min: 1, max: 60_000 }),
        fc.integer({ min: 1, max: 60_000 }),
        (load, extra, serviceTimeMs, waitTargetMs) => {
          const slots = target({ offeredLoad: load, serviceTimeMs, waitTargetMs });
          expect(slots).toBeGreaterThan(load);
          expect(target({ offeredLoad: load + extra, serviceTimeMs, waitTargetMs })).toBeGreaterThanOrEqual(slots);
          expect(target({ offeredLoad: load, serviceTimeMs, waitTargetMs: waitTargetMs * 2 })).toBeLessThanOrEqual(
            slots,
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});
