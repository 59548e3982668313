import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SampleSchedule } from './schedule.ts';

/** By time, then by id: what is due together has no order. */
const order = (entries: [string, number][]): [string, number][] =>
  entries.toSorted(([a, x], [b, y]) => x - y || a.localeCompare(b));

describe('the sample schedule', () => {
  it('gives what is due, the earliest first, once', () => {
    const schedule = new SampleSchedule();
    schedule.planBy('a', 30);
    schedule.planBy('b', 10);
    schedule.planBy('c', 20);
    expect(schedule.nextMs()).toBe(10);
    expect(schedule.takeDue(20).map(({ id }) => id)).toEqual(['b', 'c']);
    expect(schedule.takeDue(20)).toEqual([]);
    expect(schedule.nextMs()).toBe(30);
  });

  it('moves a sample forward, never back', () => {
    const schedule = new SampleSchedule();
    schedule.planBy('a', 1_000);
    schedule.planBy('a', 100);
    schedule.planBy('a', 5_000);
    expect(schedule.takeDue(100)).toEqual([{ id: 'a', atMs: 100 }]);
    expect(schedule.nextMs()).toBeUndefined();
  });

  it('forgets what was deleted', () => {
    const schedule = new SampleSchedule();
    schedule.planBy('a', 10);
    schedule.delete('a');
    expect(schedule.takeDue(100)).toEqual([]);
    expect(schedule.size).toBe(0);
  });

  it('behaves as a sorted list would, whatever is asked of it', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('planBy' as const),
        id: fc.integer({ min: 0, max: 20 }),
        atMs: fc.integer({ min: 0, max: 100 }),
      }),
      fc.record({ kind: fc.constant('delete' as const), id: fc.integer({ min: 0, max: 20 }), atMs: fc.constant(0) }),
      fc.record({ kind: fc.constant('take' as const), id: fc.constant(0), atMs: fc.integer({ min: 0, max: 100 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const schedule = new SampleSchedule();
        const model = new Map<string, number>();
        const given: [string, number][][] = [];
        const wanted: [string, number][][] = [];
        for (const { kind, id, atMs } of steps) {
          if (kind === 'planBy') {
            schedule.planBy(String(id), atMs);
            model.set(String(id), Math.min(atMs, model.get(String(id)) ?? Infinity));
          } else if (kind === 'delete') {
            schedule.delete(String(id));
            model.delete(String(id));
          } else {
            const due = [...model].filter(([, at]) => at <= atMs);
            for (const [gone] of due) model.delete(gone);
            given.push(order(schedule.takeDue(atMs).map((entry): [string, number] => [entry.id, entry.atMs])));
            wanted.push(order(due));
          }
          expect(schedule.nextMs()).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
        }
        expect(given).toEqual(wanted);
      }),
    );
  });
});
