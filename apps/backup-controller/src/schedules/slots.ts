import { DAY_MS, LONGEST_GAP_DAYS, readCron, timesOfDay, type Cron } from './cron.ts';
import { changeBetween, FARTHEST_MS, offsetOfZone, type ClockChange, type OffsetAt } from './time-zone.ts';

/**
 * When a schedule has its slots. They are one set of instants, whoever asks and from when on; that a slot is taken once
 * depends on it. So they are computed here, day by day, from what the cron parser has read: its own `next` depends, in
 * the hours around a change of clocks, on where it began.
 *
 * A time of day that comes twice is a slot the first time, and one that is left out is a slot at the jump: what is to run
 * each day runs each day, once. A cron whose hours are all 24 follows the hours that pass instead: it has a slot in both
 * hours of the same name, and none for an hour that is none. Vixie cron does the same.
 */
export interface Timetable {
  readonly cron: Cron;
  /** In ms since midnight, ascending. */
  readonly times: readonly number[];
  readonly offsetAt: OffsetAt;
}

export interface TimetableProblem {
  readonly field: 'schedule' | 'timeZone';
  readonly message: string;
}

/** Reads a schedule as the spec has it; absent, the time zone is UTC. */
export function readTimetable({
  schedule,
  timeZone = 'UTC',
}: {
  readonly schedule: string;
  readonly timeZone?: string | undefined;
}): Timetable | TimetableProblem {
  const offsetAt = offsetOfZone(timeZone);
  if (!offsetAt) return { field: 'timeZone', message: `"${timeZone}" is no time zone of the IANA database` };
  const cron = readCron(schedule);
  if (typeof cron === 'string') return { field: 'schedule', message: `"${schedule}" ${cron}` };
  return { cron, times: timesOfDay(cron), offsetAt };
}

/** The first slot after an instant; undefined when there is none in eight years. */
export function nextSlot(table: Timetable, afterMs: number): number | undefined {
  const first = dayOf(afterMs - FARTHEST_MS);
  let slots = slotsOfDay(table, first);
  for (let count = 1; count <= LONGEST_GAP_DAYS; count++) {
    // Where clocks change at midnight, a day may have a slot before one of the day before it.
    const following = slotsOfDay(table, first + count * DAY_MS);
    const later = [...slots, ...following].filter((slot) => slot > afterMs);
    if (later.length > 0) return Math.min(...later);
    slots = following;
  }
  return undefined;
}

/** The newest slots after an instant until another one, which belongs to them: the newest first, at most so many. */
export function newestSlots(table: Timetable, afterMs: number, untilMs: number, most: number): number[] {
  const found = new Set<number>();
  const first = dayOf(afterMs - FARTHEST_MS);
  let isEnough = false;
  for (let day = dayOf(untilMs + FARTHEST_MS); day >= first; day -= DAY_MS) {
    for (const slot of slotsOfDay(table, day)) if (slot > afterMs && slot <= untilMs) found.add(slot);
    // As in nextSlot: the day before may have one that is newer.
    if (isEnough) break;
    isEnough = found.size >= most;
  }
  return [...found].toSorted((a, b) => b - a).slice(0, most);
}

export function isSlot(table: Timetable, instantMs: number): boolean {
  return newestSlots(table, instantMs - 1, instantMs, 1).length > 0;
}

/**
 * How many slots there are after an instant until another one, which belongs to them. A day whose clocks do not change is
 * counted as a whole: ten years of a slot per minute take some 70 ms.
 */
export function countSlots(table: Timetable, afterMs: number, untilMs: number): number {
  const { cron, times } = table;
  const single = new Set<number>();
  let count = 0;
  const last = dayOf(untilMs + FARTHEST_MS);
  for (let day = dayOf(afterMs - FARTHEST_MS); day <= last; day += DAY_MS) {
    if (!cron.hasDay(day)) continue;
    const change = changeAround(table, day);
    const isPlain = change.atMs === Infinity;
    if (isPlain && day + times[0]! - change.before > afterMs && day + times.at(-1)! - change.before <= untilMs)
      count += times.length;
    else for (const slot of instantsOf(table, day, change)) if (slot > afterMs && slot <= untilMs) single.add(slot);
  }
  return count + single.size;
}

/** Midnight of the date of a time on the wall. */
function dayOf(wallMs: number): number {
  return Math.floor(wallMs / DAY_MS) * DAY_MS;
}

function slotsOfDay(table: Timetable, day: number): number[] {
  return table.cron.hasDay(day) ? instantsOf(table, day, changeAround(table, day)) : [];
}

/** Whatever the zone, a date on the wall lies between these two instants. */
function changeAround({ offsetAt }: Timetable, day: number): ClockChange {
  return changeBetween(offsetAt, day - FARTHEST_MS, day + DAY_MS + FARTHEST_MS);
}

function instantsOf({ cron, times }: Timetable, day: number, { atMs, before, after }: ClockChange): number[] {
  const isEveryHour = cron.hours.length === 24;
  return times.flatMap((time) => {
    const [inOldTime, inNewTime] = [day + time - before, day + time - after];
    const [isOld, isNew] = [inOldTime < atMs, inNewTime >= atMs];
    if (isOld && isNew) return isEveryHour ? [inOldTime, inNewTime] : [inOldTime];
    if (isOld) return [inOldTime];
    if (isNew) return [inNewTime];
    return isEveryHour ? [] : [atMs];
  });
}
