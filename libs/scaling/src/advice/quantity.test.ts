import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { quantityValue } from '@redis-queue/api';
import { cpuQuantity, memoryQuantity } from './quantity.ts';

it.each([
  [0.001, '50m'],
  [0.101, '110m'],
  [0.26, '300m'],
  [0.96, '1'],
  [1.01, '1100m'],
  [2, '2'],
])('writes %s cores as %s', (cores, text) => {
  expect(cpuQuantity(cores)).toBe(text);
});

it.each([
  [1, '64Mi'],
  [100, '112Mi'],
  [256, '256Mi'],
  [257, '288Mi'],
  [1_000, '1Gi'],
  [1_025, '1152Mi'],
  [5_000, '5Gi'],
])('writes %s MiB as %s', (mebibytes, text) => {
  expect(memoryQuantity(mebibytes * 2 ** 20)).toBe(text);
});

it('never writes less than was asked for, and at most a fifth more', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.05, max: 64, noNaN: true }), (amount) => {
      const cpu = quantityValue(cpuQuantity(amount))! / amount;
      const memory = quantityValue(memoryQuantity(amount * 2 ** 30))! / (amount * 2 ** 30);
      for (const ratio of [cpu, memory]) {
        expect(ratio).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(ratio).toBeLessThanOrEqual(1.34);
      }
    }),
  );
});
