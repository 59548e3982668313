/** Milliseconds of each unit that a flag knows. */
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * A regular expression (as a JSON Schema has it) of the durations from `min` to `max`, both included and written like
 * them: 500ms, 30s, 5m, 1h. Leading zeros do not match.
 *
 * @throws RangeError when a bound is no duration.
 */
export function durationPattern(min: string, max: string): string {
  const [from, to] = [milliseconds(min), milliseconds(max)];
  const units = Object.entries(UNITS).flatMap(([unit, size]) => {
    const numbers = integers(Math.ceil(from / size), Math.floor(to / size));
    return numbers.length > 0 ? [`(${numbers.join('|')})${unit}`] : [];
  });
  return `^(${units.join('|')})$`;
}

function milliseconds(text: string): number {
  const [, digits, unit] = /^([0-9]+)(ms|[smh])$/.exec(text) ?? [];
  if (!digits || !unit) throw new RangeError(`"${text}" is not a duration such as 500ms, 30s, 5m or 1h`);
  return Number(digits) * UNITS[unit as keyof typeof UNITS];
}

/** Patterns that match the integers of a range between them, one length after the other. */
function integers(from: number, to: number): string[] {
  if (from > to) return [];
  const end = Math.min(to, 10 ** String(from).length - 1);
  return [...ofOneLength(String(from), String(end)), ...integers(end + 1, to)];
}

/** The same for bounds with equally many digits. */
function ofOneLength(from: string, to: string): string[] {
  const rest = from.length - 1;
  const [first, last] = [Number(from[0]), Number(to[0])];
  if (rest === 0) return [digit(first, last)];
  if (first === last) return ofOneLength(from.slice(1), to.slice(1)).map((each) => `${first}${each}`);
  const wholeFrom = /^.0*$/.test(from) ? first : first + 1;
  const wholeTo = /^.9*$/.test(to) ? last : last - 1;
  return [
    ...(wholeFrom > first ? ofOneLength(from.slice(1), '9'.repeat(rest)).map((each) => `${first}${each}`) : []),
    ...(wholeFrom <= wholeTo ? [`${digit(wholeFrom, wholeTo)}[0-9]{${rest}}`] : []),
    ...(wholeTo < last ? ofOneLength('0'.repeat(rest), to.slice(1)).map((each) => `${last}${each}`) : []),
  ];
}

const digit = (from: number, to: number): string => (from === to ? String(from) : `[${from}-${to}]`);
