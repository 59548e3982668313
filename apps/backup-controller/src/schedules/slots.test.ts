import { describe, expect, it } from 'vitest';
import { countSlots, isSlot, newestSlots, nextSlot, readTimetable, type Timetable } from './slots.ts';
import { at, iso } from './testing.fixture.ts';
import { CHANGES, CRONS, expressionOf, WallClock } from './wall-clock.fixture.ts';

function timetable(schedule: string, timeZone?: string): Timetable {
  const table = readTimetable({ schedule, timeZone });
  if ('field' in table) throw new Error(table.message);
  return table;
}

/** Slots of a while, found from one to the next. */
function walk(table: Timetable, from: string, until: string): string[] {
  const slots: string[] = [];
  for (let slot = nextSlot(table, at(from) - 1); slot !== undefined && slot <= at(until); slot = nextSlot(table, slot))
    slots.push(iso(slot));
  return slots;
}

describe.each(Object.entries(CHANGES))('slots while clocks change: %s', (_, [zone, from, until]) => {
  const clock = new WallClock(zone, at(from), at(until));

  it.each(CRONS.map((cron) => [expressionOf(cron), cron] as const))('%s', (expression, cron) => {
    const table = timetable(expression, zone);
    const slots = clock.slots(cron);
    expect(walk(table, from, until)).toEqual(slots.map((slot) => iso(slot)));
    // From wherever one begins, and backwards, and counted, they are the same.
    for (let ms = at(from); ms <= at(until); ms += 97 * 60_000) {
      const [before, after] = [slots.filter((slot) => slot <= ms), slots.filter((slot) => slot > ms)];
      expect(newestSlots(table, at(from) - 1, ms, 3)).toEqual(before.slice(-3).toReversed());
      expect(countSlots(table, at(from) - 1, ms)).toBe(before.length);
      expect(countSlots(table, ms, at(until))).toBe(after.length);
      expect(nextSlot(table, ms)).toBe(after[0] ?? nextSlot(table, at(until)));
    }
    for (const slot of slots.slice(0, 20))
      expect([isSlot(table, slot), isSlot(table, slot + 1)]).toEqual([true, false]);
  });
});

describe('a slot', () => {
  it('of an hour that is left out is at the jump, once, and of one that comes twice at the first', () => {
    const daily = timetable('30 2 * * *', 'Europe/Berlin');
    expect(walk(daily, '2026-03-28T00:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-28T01:30:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:30:00Z',
    ]);
    expect(walk(daily, '2026-10-24T00:00:00Z', '2026-10-26T12:00:00Z')).toEqual([
      '2026-10-24T00:30:00Z',
      '2026-10-25T00:30:00Z',
      '2026-10-26T01:30:00Z',
    ]);
    const often = timetable('*/20 2 * * *', 'Europe/Berlin');
    expect(walk(often, '2026-03-29T00:00:00Z', '2026-03-29T12:00:00Z')).toEqual(['2026-03-29T01:00:00Z']);
  });

  it('of a cron for each hour follows the hours that pass', () => {
    const hourly = timetable('0 * * * *', 'Europe/Berlin');
    expect(walk(hourly, '2026-10-25T00:00:00Z', '2026-10-25T03:00:00Z')).toHaveLength(4);
    expect(walk(hourly, '2026-03-29T00:00:00Z', '2026-03-29T03:00:00Z')).toHaveLength(4);
  });

  it('can be years away, and months of slots are counted without listing them', () => {
    expect(iso(nextSlot(timetable('0 0 29 2 *'), at('2096-03-01T00:00:00Z'))!)).toBe('2104-02-29T00:00:00Z');
    const [from, until] = [at('2016-01-01T00:00:00Z'), at('2026-01-01T00:00:00Z')];
    expect(countSlots(timetable('* * * * *', 'Europe/Berlin'), from, until)).toBe((until - from) / 60_000);
    expect(newestSlots(timetable('0 0 1 1 *'), from, until, 2).map(iso)).toEqual([
      '2026-01-01T00:00:00Z',
      '2025-01-01T00:00:00Z',
    ]);
  });
});

it.each([
  ['0 2 * *', undefined, 'schedule', 'five fields'],
  ['0 0 2 * * *', undefined, 'schedule', 'five fields'],
  ['@daily', undefined, 'schedule', 'five fields'],
  ['61 2 * * *', undefined, 'schedule', 'no cron expression'],
  ['H 2 * * *', undefined, 'schedule', 'has H'],
  ['0 0 30 2 *', undefined, 'schedule', '"0 0 30 2 *"'],
  ['0 0 31 4,6 *', undefined, 'schedule', 'never comes'],
  ['0 2 * * *', 'Mars/Olympus', 'timeZone', 'no time zone'],
])('%s in %s is refused, and says why', (schedule, timeZone, field, why) => {
  expect(readTimetable({ schedule, timeZone })).toMatchObject({ field, message: expect.stringContaining(why) });
});
