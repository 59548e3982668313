import { expect, test } from 'vitest';
import { furtherRuns, schedulerRuns } from './schedulers.ts';

const EACH_SECOND = { firstMs: 500, everyMs: 1_000, cron: false };

test('a scheduler keeps one delayed job, its next run', () => {
  const { addedMs, delayMs } = schedulerRuns([EACH_SECOND, { ...EACH_SECOND, everyMs: 2_000 }], 3_000);
  expect([...addedMs]).toEqual([0, 0, 500, 500, 1_500]);
  expect([...delayMs]).toEqual([500, 500, 1_000, 2_000, 1_000]);
});

test('runs beyond the next one are counted as the sampler does: of the ten that are due first, of cron patterns none', () => {
  expect(furtherRuns([EACH_SECOND], 10_000, 10_000)).toBe(9);
  expect(furtherRuns([{ ...EACH_SECOND, cron: true }], 10_000, 10_000)).toBe(0);
  expect(furtherRuns([{ ...EACH_SECOND, firstMs: 30_000 }], 10_000, 10_000)).toBe(0);
  expect(
    furtherRuns(
      Array.from({ length: 12 }, () => EACH_SECOND),
      10_000,
      10_000,
    ),
  ).toBe(90);
});
