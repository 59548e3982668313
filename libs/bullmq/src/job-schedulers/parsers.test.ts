import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextRunMs, scheduleProblem } from './schedule.ts';

/** The parser that workers of BullMQ 5 have, as they find it themselves. */
const parserOf5 = createRequire(import.meta.resolve('bullmq-5'))('cron-parser') as {
  parseExpression(cron: string, options: { tz: string; currentDate: Date }): { next(): { getTime(): number } };
};

const range = (min: number, max: number) =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
const field = (min: number, max: number) =>
  fc.oneof(
    { arbitrary: fc.constant('*'), weight: 3 },
    fc.integer({ min, max }).map(String),
    fc.integer({ min: 1, max }).map((step) => `*/${step}`),
    range(min, max),
    fc.tuple(range(min, max), fc.integer({ min: 1, max: 5 })).map(([of, step]) => `${of}/${step}`),
    fc.uniqueArray(fc.integer({ min, max }), { minLength: 2, maxLength: 4 }).map((values) => values.join(',')),
  );
const crons = fc
  .tuple(
    fc.option(field(0, 59), { nil: undefined, freq: 4 }),
    field(0, 59),
    field(0, 23),
    fc.oneof({ arbitrary: field(1, 31), weight: 4 }, fc.constantFrom('L', '?', '31', '1,L')),
    fc.oneof({ arbitrary: field(1, 12), weight: 4 }, fc.constantFrom('2', 'FEB', 'jan-mar', '2,4')),
    fc.oneof({ arbitrary: field(0, 7), weight: 4 }, fc.constantFrom('1#1', '5#4', '5L', 'MON-FRI', '7', '?', '0L')),
  )
  .map((fields) => fields.filter((each) => each !== undefined).join(' '));
const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Beirut', 'America/Santiago');
// Before clocks change, in either direction, and where February has 28 days for eight years.
const starts = fc.constantFrom('2026-03-27T12:00:00Z', '2026-10-23T12:00:00Z', '2096-03-01T00:00:00Z').map(Date.parse);

it('what is allowed is read alike by BullMQ 5 and 6', () => {
  let allowed = 0;
  const isReadAlike = (cron: string, timeZone: string, start: number): void => {
    if (scheduleProblem({ cron, timeZone })) return;
    allowed++;
    let at: number | undefined = start;
    for (let run = 0; run < 3; run++) {
      const currentDate: Date = new Date(at);
      at = nextRunMs({ cron, timeZone }, at);
      expect(at, `${cron} in ${timeZone} after ${currentDate.toISOString()}`).toBe(
        parserOf5.parseExpression(cron, { tz: timeZone, currentDate }).next().getTime(),
      );
      if (at === undefined) return;
    }
  };
  fc.assert(fc.property(crons, zones, starts, isReadAlike), { numRuns: 150, seed: 1 });
  expect(allowed).toBeGreaterThan(80);
}, 30_000);
