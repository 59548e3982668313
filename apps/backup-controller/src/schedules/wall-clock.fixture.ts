// A second way to find slots, by looking at each minute: what slots.ts computes is compared with it.

/** A cron that is so simple that it needs no parser. */
export interface SimpleCron {
  readonly minutes: readonly number[];
  /** Absent: each hour. */
  readonly hours?: readonly number[];
  /** Days of the week, from Sunday on. Absent: each day. */
  readonly weekdays?: readonly number[];
}

const list = (values: readonly number[] | undefined): string => values?.join(',') ?? '*';

export function expressionOf({ minutes, hours, weekdays }: SimpleCron): string {
  return `${list(minutes)} ${list(hours)} * * ${list(weekdays)}`;
}

const MINUTE = 60_000;
const DAY = 86_400_000;

/** The time on the wall of each minute of a while, as if it were one of UTC. */
export class WallClock {
  readonly #fromMs: number;
  readonly #walls: number[];

  constructor(timeZone: string, fromMs: number, untilMs: number) {
    // What was before decides which times come for the second time.
    this.#fromMs = fromMs - 2 * DAY;
    const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...numeric });
    const wallOf = (ms: number): number => {
      const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
      return Date.UTC(parts['year']!, parts['month']! - 1, parts['day'], parts['hour'], parts['minute']);
    };
    this.#walls = [];
    for (let minute = this.#fromMs; minute <= untilMs; minute += MINUTE) this.#walls.push(wallOf(minute));
  }

  /** All slots of the while, ascending. */
  slots(cron: SimpleCron): number[] {
    const seen = new Set<number>();
    const slots: number[] = [];
    this.#walls.forEach((wall, index) => {
      const before = this.#walls[index - 1] ?? wall - MINUTE;
      const isAgain = seen.has(wall);
      seen.add(wall);
      const isHour = cron.hours === undefined;
      const jumped = !isHour && this.#skipped(before, wall).some((each) => matches(cron, each));
      if ((matches(cron, wall) && (isHour || !isAgain)) || jumped) slots.push(this.#fromMs + index * MINUTE);
    });
    return slots.filter((slot) => slot >= this.#fromMs + 2 * DAY);
  }

  /** Minutes that no clock showed. */
  #skipped(before: number, wall: number): number[] {
    const count = Math.max(0, (wall - before) / MINUTE - 1);
    return Array.from({ length: count }, (_, n) => before + (n + 1) * MINUTE);
  }
}

function matches({ minutes, hours, weekdays }: SimpleCron, wall: number): boolean {
  const date = new Date(wall);
  if (!minutes.includes(date.getUTCMinutes())) return false;
  if (hours && !hours.includes(date.getUTCHours())) return false;
  return !weekdays || weekdays.includes(date.getUTCDay());
}

/** Times in which clocks change, each in its own way. */
export const CHANGES = {
  'Berlin, spring': ['Europe/Berlin', '2026-03-28T00:00:00Z', '2026-03-31T00:00:00Z'],
  'Berlin, autumn': ['Europe/Berlin', '2026-10-24T00:00:00Z', '2026-10-27T00:00:00Z'],
  'New York, spring': ['America/New_York', '2026-03-07T00:00:00Z', '2026-03-10T00:00:00Z'],
  'New York, autumn': ['America/New_York', '2026-10-31T00:00:00Z', '2026-11-03T00:00:00Z'],
  'Lord Howe, by half an hour, spring': ['Australia/Lord_Howe', '2026-10-02T00:00:00Z', '2026-10-05T00:00:00Z'],
  'Lord Howe, by half an hour, autumn': ['Australia/Lord_Howe', '2026-04-03T00:00:00Z', '2026-04-06T00:00:00Z'],
  'Cairo, at midnight, spring': ['Africa/Cairo', '2026-04-22T00:00:00Z', '2026-04-25T00:00:00Z'],
  'Cairo, at midnight, autumn': ['Africa/Cairo', '2026-10-28T00:00:00Z', '2026-10-31T00:00:00Z'],
  'Nuuk, over midnight, spring': ['America/Nuuk', '2026-03-27T00:00:00Z', '2026-03-30T00:00:00Z'],
  'Nuuk, over midnight, autumn': ['America/Nuuk', '2026-10-23T00:00:00Z', '2026-10-26T00:00:00Z'],
  'Casablanca, for Ramadan': ['Africa/Casablanca', '2026-02-13T00:00:00Z', '2026-02-17T00:00:00Z'],
  'St. John’s, a minute after midnight': ['America/St_Johns', '2010-11-05T00:00:00Z', '2010-11-09T00:00:00Z'],
  'Apia, without a 30 December': ['Pacific/Apia', '2011-12-28T00:00:00Z', '2012-01-02T00:00:00Z'],
  'Kolkata, where they never change': ['Asia/Kolkata', '2026-03-28T00:00:00Z', '2026-03-30T00:00:00Z'],
} as const;

export const CRONS: readonly SimpleCron[] = [
  { minutes: [30], hours: [2] },
  { minutes: [0], hours: [1, 2, 3] },
  { minutes: [0, 15, 30, 45], hours: [0, 2, 23] },
  { minutes: [0], hours: [0, 6, 12, 18] },
  { minutes: [10] },
  { minutes: [0, 20, 40] },
  { minutes: [15], hours: [2], weekdays: [0] },
];
