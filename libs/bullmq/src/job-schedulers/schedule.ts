import { CronExpressionParser } from 'cron-parser';
import type { Milliseconds } from '@redis-queue/api';

/** When a job scheduler has its runs. */
export type Schedule =
  | { readonly cron: string; readonly timeZone: string }
  /** At the multiples of it since 1970. */
  | { readonly everyMs: Milliseconds };

/**
 * The first run after a time, as a worker of BullMQ computes the ones that follow it; undefined when there is none.
 *
 * @throws what the parser throws for a cron expression that `scheduleProblem` refuses.
 */
export function nextRunMs(schedule: Schedule, afterMs: number): number | undefined {
  if ('everyMs' in schedule) return (Math.floor(afterMs / schedule.everyMs) + 1) * schedule.everyMs;
  const interval = parse(schedule.cron, schedule.timeZone, afterMs);
  try {
    return interval.next().getTime();
  } catch {
    // Thrown after ten thousand steps: there is no such date.
    return undefined;
  }
}

/**
 * Why no worker could follow the schedule: which field, and what is wrong with it. Absent: nothing is.
 *
 * Only what the parsers of BullMQ 5 and 6 read alike is allowed: five fields, or six with seconds in front, of numbers,
 * names of months and days, and `*`, `,`, `-`, `/`, `L`, `#`, and `?` for a day. What never comes is refused without
 * being looked for: the parser would take half a second. What was found is remembered, because finding it takes 200 us.
 */
export function scheduleProblem(schedule: Schedule): ScheduleProblem | undefined {
  if ('everyMs' in schedule) return undefined;
  const { cron, timeZone } = schedule;
  const key = `${timeZone} ${cron}`;
  const known = KNOWN.get(key);
  if (known) return known.problem;
  const problem = problemOf(cron, timeZone);
  if (KNOWN.size >= MOST_KNOWN) KNOWN.delete(KNOWN.keys().next().value!);
  KNOWN.set(key, { problem });
  return problem;
}

/** At most 1 MB: those that were found first go first. */
const MOST_KNOWN = 4_096;
const KNOWN = new Map<string, { readonly problem: ScheduleProblem | undefined }>();

function problemOf(cron: string, timeZone: string): ScheduleProblem | undefined {
  const zone = timeZoneProblem(timeZone);
  if (zone !== undefined) return { field: 'timeZone', message: `"${timeZone}" ${zone}` };
  const problem = cronProblem(cron);
  return problem === undefined ? undefined : { field: 'cron', message: `"${cron}" ${problem}` };
}

export interface ScheduleProblem {
  readonly field: 'cron' | 'timeZone';
  readonly message: string;
}

const NAME = '(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT)';
const FIELD = new RegExp(`^(?:[0-9*,/#L-]|${NAME})+$`, 'i');
/** The parser of BullMQ 6 replaces it by a number by chance. */
const HASHED = /(?:^|[^A-Z])H(?:[^A-Z]|$)/i;

function cronProblem(cron: string): string | undefined {
  const fields = cron.split(' ');
  const [dayOfMonth = '', month = '', dayOfWeek = ''] = fields.slice(-3);
  const isField = (field: string): boolean =>
    FIELD.test(field) || (field === '?' && (field === dayOfMonth || field === dayOfWeek));
  if (fields.length < 5 || fields.length > 6) return 'is not five or six fields of a cron expression';
  const odd = fields.find((field) => !isField(field));
  if (odd !== undefined) return oddProblem(odd);
  // In the others the parser of BullMQ 5 reads it, and fails.
  if (fields.slice(0, -3).concat(month).includes('?')) return 'has a ? that is for no day; write * instead';
  const anyDayOfMonth = isAny(dayOfMonth);
  if (dayOfWeek.includes('#') && !anyDayOfMonth)
    return 'has # beside days of the month, which BullMQ 5 and 6 read differently; write * for the day of the month';
  if (dayOfWeek.includes('#5') && !isAny(month)) return 'has a fifth day of the week in single months; leave one out';
  if (dayOfWeek.includes('-7/')) return 'has steps up to day 7, which BullMQ 5 and 6 read differently; list the days';
  try {
    return fieldsProblem(parse(cron, 'UTC', 0).fields, { dayOfMonth, dayOfWeek });
  } catch (error) {
    return `is no cron expression: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function oddProblem(field: string): string {
  return HASHED.test(field)
    ? 'has H, which would be another time at each run; write a number'
    : `has ${field}, which BullMQ 5 and 6 do not both read; write numbers or names of months and days, with * , - / # and L`;
}

type Fields = ReturnType<typeof parse>['fields'];

function fieldsProblem(
  { dayOfMonth: { values: daysOfMonth }, dayOfWeek: { values: daysOfWeek }, month }: Fields,
  written: { readonly dayOfMonth: string; readonly dayOfWeek: string },
): string | undefined {
  const days = daysOfMonth.filter((day) => typeof day === 'number');
  const longest = Math.max(...month.values.map((each) => LONGEST_MONTHS[each - 1]!));
  if (!written.dayOfMonth.includes('L') && Math.min(...days) > longest)
    return 'never comes: its months have no such day of the month';
  // A job runs on the days of either field where both are given; which are, the parsers see differently.
  const areBoth = !isAny(written.dayOfMonth) && !isAny(written.dayOfWeek);
  const isEveryDay = days.length >= longest || new Set(daysOfWeek.map((day) => Number(day) % 7)).size === 7;
  return areBoth && isEveryDay
    ? 'has a day field for every day beside another, which BullMQ 5 and 6 read differently; write * for it'
    : undefined;
}

const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isAny(field: string): boolean {
  return field === '*' || field === '?';
}

function timeZoneProblem(timeZone: string): string | undefined {
  try {
    const [winter, summer] = [Date.UTC(2025, 0, 1), Date.UTC(2025, 6, 1)].map((ms) => offsetOf(timeZone, ms));
    // Australia/Lord_Howe, where the parser of BullMQ 6 finds no run on the day of the change, and Antarctica/Troll.
    return [0, 60].includes(Math.abs(winter! - summer!))
      ? undefined
      : 'changes its clocks by more or less than an hour, which BullMQ 5 and 6 read differently; use another zone';
  } catch {
    return 'is no time zone of the IANA database';
  }
}

/** Minutes from UTC. @throws RangeError for an unknown zone */
function offsetOf(timeZone: string, ms: number): number {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(ms);
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)/.exec(offset) ?? [];
  return sign === undefined ? 0 : Number(`${sign}1`) * (60 * Number(hours) + Number(minutes));
}

function parse(cron: string, tz: string, currentDate: number): ReturnType<typeof CronExpressionParser.parse> {
  return CronExpressionParser.parse(cron, { tz, currentDate: new Date(currentDate) });
}
