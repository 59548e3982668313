import { expect, it } from 'vitest';
import { levelOf, type Outcome } from './conformance.ts';
import type { Level } from './rows.ts';
import { subjectOf } from './subjects.ts';

const row = (level: Level, fault?: string): Outcome => ({
  row: { level, what: 'x', check: () => Promise.resolve() },
  ...(fault !== undefined && { fault }),
});

it('the level is the highest of which nothing is broken, nor of any below it', () => {
  expect(levelOf([row(0), row(1), row(2)])).toBe(2);
  expect(levelOf([row(0), row(1, 'no'), row(2)])).toBe(0);
  expect(levelOf([row(0), row(1), row(1, 'no'), row(2)])).toBe(0);
  expect(levelOf([row(0, 'no'), row(1), row(2)])).toBeUndefined();
});

it('a job says where its time stands, as a number or in a text', () => {
  expect(subjectOf('node main.js', 'a', '{"ms":@ms,"as":"@ms"}').job(20)).toEqual({ ms: 20, as: 20 });
  expect(() => subjectOf('node main.js', 'a', '{"ms":1}')).toThrow('JOB has no @ms');
  expect(() => subjectOf('node main.js', 'a', 'ms: @ms')).toThrow('JOB is not JSON');
});
