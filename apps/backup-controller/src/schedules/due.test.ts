import { describe, expect, it } from 'vitest';
import { decideSlots, type SlotRules } from './due.ts';
import { readTimetable, type Timetable } from './slots.ts';
import { at, iso } from './testing.fixture.ts';

const HOURLY = readTimetable({ schedule: '0 * * * *' }) as Timetable;
const HOUR = 3_600_000;
const RULES: SlotRules = { suspended: false, blocked: false };

const day = (time: string): number => at(`2026-03-04T${time}:00Z`);
const short = (ms: number): string => iso(ms).slice(11, 16);

/** What is decided at a time, with times as texts of one day: hours and minutes. */
function decide(now: string, decided: string, rules: Partial<SlotRules> = {}, taken: string[] = []): object {
  const history = { decidedMs: day(decided), taken: new Set(taken.map(day)) };
  const { due, waiting, newestTaken, skipped } = decideSlots(HOURLY, history, { ...RULES, ...rules }, day(now));
  return {
    ...(due !== undefined && { due: short(due) }),
    ...(waiting !== undefined && { waiting: short(waiting) }),
    ...(newestTaken !== undefined && { newestTaken: short(newestTaken) }),
    ...(skipped.count > 0 && { skipped: [skipped.count, ...skipped.latest.map(short)] }),
  };
}

describe('of the slots that have passed', () => {
  it('the newest is due, and the others are skipped', () => {
    expect(decide('02:59', '02:00')).toEqual({});
    expect(decide('03:00', '02:00')).toEqual({ due: '03:00' });
    expect(decide('05:10', '02:00')).toEqual({ due: '05:00', skipped: [2, '04:00', '03:00'] });
  });

  it('none is due when the newest is past its deadline', () => {
    expect(decide('05:10', '02:00', { deadlineMs: HOUR / 6 })).toMatchObject({ due: '05:00' });
    expect(decide('05:11', '02:00', { deadlineMs: HOUR / 6 })).toEqual({ skipped: [3, '05:00', '04:00', '03:00'] });
  });

  it('the newest waits while a backup runs, and those before it are skipped', () => {
    expect(decide('05:10', '02:00', { blocked: true })).toEqual({ waiting: '05:00', skipped: [2, '04:00', '03:00'] });
    expect(decide('05:10', '04:00', { blocked: true })).toEqual({ waiting: '05:00' });
    expect(decide('05:11', '04:00', { blocked: true, deadlineMs: HOUR / 6 })).toEqual({ skipped: [1, '05:00'] });
  });

  it('none is decided while the schedule is suspended, but those whose backups are there', () => {
    expect(decide('05:10', '02:00', { suspended: true })).toEqual({});
    expect(decide('05:10', '02:00', { suspended: true }, ['04:00'])).toEqual({
      newestTaken: '04:00',
      skipped: [1, '03:00'],
    });
  });

  it('one that has a backup is neither taken again nor skipped, whatever the status says', () => {
    expect(decide('05:10', '02:00', {}, ['05:00'])).toEqual({ newestTaken: '05:00', skipped: [2, '04:00', '03:00'] });
    expect(decide('05:10', '02:00', {}, ['03:00', '02:00'])).toEqual({
      newestTaken: '03:00',
      due: '05:00',
      skipped: [1, '04:00'],
    });
    expect(decide('05:10', '02:00', { deadlineMs: 1 }, ['04:00'])).toEqual({
      newestTaken: '04:00',
      skipped: [2, '05:00', '03:00'],
    });
  });

  it('a backup of a time that is no slot says nothing', () => {
    expect(decide('05:10', '04:00', {}, ['05:07'])).toEqual({ due: '05:00' });
  });

  it('any number can be skipped; the newest ten are named', () => {
    const minutely = readTimetable({ schedule: '* * * * *' }) as Timetable;
    const [decidedMs, nowMs] = [at('2025-03-04T00:00:00Z'), at('2026-03-04T00:00:00Z')];
    const { due, skipped } = decideSlots(minutely, { decidedMs, taken: new Set() }, RULES, nowMs);
    expect(due).toBe(nowMs);
    expect(skipped.count).toBe(365 * 24 * 60 - 1);
    expect(skipped.latest).toEqual(Array.from({ length: 10 }, (_, n) => nowMs - (n + 1) * 60_000));
  });
});
