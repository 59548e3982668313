import { CronExpressionParser } from 'cron-parser';

/** A cron expression of five fields, read: when it has its slots by the clock on the wall. */
export interface Cron {
  /** Of the hour, ascending. */
  readonly minutes: readonly number[];
  /** Of the day, ascending. */
  readonly hours: readonly number[];
  /** @param day midnight of a date, as if it were one of UTC: ms since 1970 */
  readonly hasDay: (day: number) => boolean;
}

export const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** From one 29 February to the next it can be eight years, as it was from 1896 to 1904. What is rarer is refused. */
export const LONGEST_GAP_DAYS = 8 * 366;

/** A value that the parser makes up: another time each time. */
const HASHED = /(?:^|[^A-Z])H(?:[^A-Z]|$)/i;

/** @returns the expression, or in words what is wrong with it. */
export function readCron(expression: string): Cron | string {
  if (expression.split(' ').length !== 5) return 'is not five fields of a cron expression';
  if (HASHED.test(expression)) return 'has H, which would be another time at each run; write a number';
  try {
    return cronOf(expression) ?? 'never comes, or years apart: its months have no such day';
  } catch (error) {
    return `is no cron expression: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** @returns undefined when there is no slot in years. @throws what the parser throws */
function cronOf(expression: string): Cron | undefined {
  const parsed = CronExpressionParser.parse(expression, { tz: 'UTC', currentDate: new Date(0) });
  const { minute, hour, month } = parsed.fields;
  const [minutes, hours, months] = [minute, hour, month].map(({ values }) => values as readonly number[]);
  const timeMs = hours![0]! * HOUR_MS + minutes![0]! * MINUTE_MS;
  // Whether the months match is asked first: what comes once a year would cost the parser 365 looks.
  const hasDay = (day: number): boolean =>
    months!.includes(new Date(day).getUTCMonth() + 1) && parsed.includesDate(new Date(day + timeMs));
  for (let day = 0; day < LONGEST_GAP_DAYS; day++)
    if (hasDay(day * DAY_MS)) return { minutes: minutes!, hours: hours!, hasDay };
  return undefined;
}

/** The times of day that it has, in ms since midnight, ascending. */
export function timesOfDay({ hours, minutes }: Cron): number[] {
  return hours.flatMap((hour) => minutes.map((minute) => hour * HOUR_MS + minute * MINUTE_MS));
}
