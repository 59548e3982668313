/** How far the clocks on the wall are from UTC, in ms, at an instant in ms since 1970. */
export type OffsetAt = (instantMs: number) => number;

/** Zones are as many as objects name; a formatter is large. */
const MOST_KNOWN = 64;
const KNOWN = new Map<string, OffsetAt>();

/** @returns undefined when it is no time zone of the IANA database. */
export function offsetOfZone(timeZone: string): OffsetAt | undefined {
  const known = KNOWN.get(timeZone);
  if (known) return known;
  const formatter = formatterOf(timeZone);
  if (!formatter) return undefined;
  const offsetAt: OffsetAt = (instantMs) => offsetMs(formatter.format(instantMs));
  if (KNOWN.size >= MOST_KNOWN) KNOWN.delete(KNOWN.keys().next().value!);
  KNOWN.set(timeZone, offsetAt);
  return offsetAt;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @param text such as `1/31/2026, GMT+05:30`; without hours it is UTC. */
function offsetMs(text: string): number {
  const [, sign, hours, minutes, seconds = 0] = /([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(text) ?? [];
  if (sign === undefined) return 0;
  const size = Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000;
  return sign === '-' ? -size : size;
}

/** No zone is further from UTC to either side. */
export const FARTHEST_MS = 15 * 3_600_000;

/** When the clocks change, and how far they are from UTC before and from then on. */
export interface ClockChange {
  /** The first instant of the new time; Infinity: they do not change. */
  readonly atMs: number;
  readonly before: number;
  readonly after: number;
}

/**
 * The change of the clocks between two instants at whole seconds, so close that there is no second one. That of 2026 in
 * Berlin is found by 18 looks.
 */
export function changeBetween(offsetAt: OffsetAt, fromMs: number, untilMs: number): ClockChange {
  const [before, after] = [offsetAt(fromMs), offsetAt(untilMs)];
  if (before === after) return { atMs: Infinity, before, after };
  let [low, high] = [fromMs, untilMs];
  while (high - low > 1_000) {
    const middle = low + Math.floor((high - low) / 2_000) * 1_000;
    if (offsetAt(middle) === before) low = middle;
    else high = middle;
  }
  return { atMs: high, before, after };
}
