import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_TRUST, settle, worthOf, type Trust } from './trust.ts';

function trustIn(bins: number, of: (bin: number) => [average: number, predicted: number, actual: number]): Trust {
  return Array.from({ length: bins }, (_, bin) => of(bin)).reduce(
    (trust, [average, predicted, actual]) => settle(trust, average, predicted, actual),
    NO_TRUST,
  );
}

describe('what a forecast is worth', () => {
  it('is nothing before there is evidence', () => {
    expect(worthOf(NO_TRUST)).toBe(0);
    expect(worthOf(trustIn(11, () => [10, 20, 20]))).toBe(0);
  });

  it('is all when the growth it predicted came, and half when half of it did', () => {
    expect(worthOf(trustIn(40, () => [10, 20, 20]))).toBeCloseTo(1);
    expect(worthOf(trustIn(40, () => [10, 20, 15]))).toBeCloseTo(0.5);
  });

  it('is nothing when growth was predicted and none came', () => {
    expect(worthOf(trustIn(200, () => [10, 20, 10]))).toBe(0);
    expect(worthOf(trustIn(200, () => [10, 20, 5]))).toBe(0);
  });

  it('is less when the same was right by turns', () => {
    const noisy = worthOf(trustIn(40, (bin) => [10, 20, bin % 2 === 0 ? 35 : 5]));
    expect(noisy).toBeGreaterThan(0.5);
    expect(noisy).toBeLessThan(0.9);
  });

  it('does not count forecasts of less: nothing shrinks by them', () => {
    expect(settle(NO_TRUST, 10, 5, 5)).toMatchObject({ bins: 0, predicted: 0, both: 0 });
  });

  it('forgets within the hour', () => {
    const wrongAfterRight = Array.from({ length: 720 }).reduce<Trust>(
      (trust) => settle(trust, 10, 20, 10),
      trustIn(720, () => [10, 20, 20]),
    );
    expect(worthOf(wrongAfterRight)).toBeLessThan(0.05);
  });

  it('is a share, whatever came', () => {
    const rate = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(rate, rate, rate), { maxLength: 100 }), (bins) => {
        const worth = worthOf(trustIn(bins.length, (bin) => bins[bin]!));
        expect(worth).toBeGreaterThanOrEqual(0);
        expect(worth).toBeLessThanOrEqual(1);
      }),
    );
  });
});
