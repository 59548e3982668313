import { expect, it } from 'vitest';
import { RepairPace } from './repair-pace.ts';

it('a status that is overwritten at once, each time, is written less and less often', () => {
  const pace = new RepairPace();
  const repairs: number[] = [];
  for (let nowMs = 0; nowMs < 3_600_000; nowMs += pace.waitMs('u1', nowMs)) {
    repairs.push(nowMs / 1000);
    expect(pace.repairs('u1', nowMs)).toBe(repairs.length);
  }
  expect(repairs.slice(0, 7)).toEqual([0, 10, 30, 70, 150, 310, 610]);
  expect(repairs.length).toBeLessThan(20);
});

it('what was left alone for a while is repaired at once again, and each object has a pace of its own', () => {
  const pace = new RepairPace();
  pace.repairs('u1', 0);
  expect(pace.waitMs('u1', 4_000)).toBe(6_000);
  expect(pace.waitMs('u2', 4_000)).toBe(0);
  expect(pace.waitMs('u1', 21_000)).toBe(0);
  expect(pace.repairs('u1', 21_000)).toBe(1);
  expect(pace.waitMs('u1', 21_000)).toBe(10_000);
  pace.forget('u1');
  expect(pace.waitMs('u1', 21_000)).toBe(0);
});
