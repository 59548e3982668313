import { expect, it } from 'vitest';
import { excessOf, type RedisCpu } from './redis-cpu.ts';

/** Read once a second, having used this many ms in each. */
function using(...perSecondMs: number[]): RedisCpu[] {
  let cpuMs = 0;
  return [0, ...perSecondMs].map((usedMs, second) => ({ atMs: second * 1_000, cpuMs: (cpuMs += usedMs), scriptMs: 0 }));
}

it('what both do cancels out, however much it varies', () => {
  const { percent, error } = excessOf(using(120, 320, 220), using(100, 300, 200));
  expect(percent).toBeCloseTo(2);
  expect(error).toBeCloseTo(0);
});

it('a difference that varies has an error', () => {
  const { percent, error } = excessOf(using(110, 130, 110, 130), using(100, 100, 100, 100));
  expect(percent).toBeCloseTo(2);
  expect(error).toBeCloseTo(1 / Math.sqrt(3));
});
