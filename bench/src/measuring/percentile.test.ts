import { describe, expect, it } from 'vitest';
import { percentile, tenths } from './percentile.ts';

describe('a percentile', () => {
  it('is the nearest rank, whatever the order of the values', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0.5, 0.95, 0.99, 1].map((fraction) => percentile(values, fraction))).toEqual([50, 95, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it('without values is not a number', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('is printed with one decimal', () => {
    expect(tenths(1.26)).toBe(1.3);
  });
});
