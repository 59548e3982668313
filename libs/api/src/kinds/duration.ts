/** A length of time in milliseconds, the one unit used inside the code; texts with units live only in specs. */
export type Milliseconds = number;

const UNIT_MS: Record<string, Milliseconds> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a duration as the kinds write it: one whole number and one unit of `ms`, `s`, `m`, `h`, `d` (`m` = minutes).
 * Which units a field allows is checked by its schema, not here.
 *
 * @throws RangeError when the text is not a number and a unit; the API server refuses such a text before we see it.
 */
export function parseDuration(text: string): Milliseconds {
  const [, digits, unit] = /^([0-9]+)(ms|[smhd])$/.exec(text) ?? [];
  if (!digits || !unit) throw new RangeError(`"${text}" is not a duration such as 500ms, 30s, 5m, 24h or 7d`);
  return Number(digits) * UNIT_MS[unit]!;
}
