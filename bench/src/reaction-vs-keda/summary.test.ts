import { expect, it } from 'vitest';
import { compare, summarize } from './summary.ts';

const steps = [1, 4, 8, 16, 20];
const KEDA = [
  { firstMs: 1_000, finalMs: 50_000, sizes: steps },
  { firstMs: 23_000, finalMs: 80_000, sizes: steps },
  { firstMs: 9_000, finalMs: 64_000, sizes: steps },
];
const OURS = [
  { firstMs: 40, finalMs: 40, sizes: [20] },
  { firstMs: 60, finalMs: 80, sizes: [19, 20] },
];

it('counts the slowest burst and the one that took the most patches', () => {
  expect(summarize(KEDA)).toEqual({
    n: 3,
    firstP50Ms: 9_000,
    firstP99Ms: 23_000,
    finalP50Ms: 64_000,
    finalP99Ms: 80_000,
    patchesToFinal: 5,
  });
  expect(summarize(OURS).patchesToFinal).toBe(2);
});

it('divides our slowest by theirs', () => {
  const [ours, keda] = [summarize(OURS), summarize(KEDA)];
  expect(compare(ours, keda, keda)).toEqual({
    finalRatioDefault: 0.001,
    finalRatioTuned: 0.001,
    firstRatioTuned: 0.0026,
    patchesToFinal: 2,
  });
});
