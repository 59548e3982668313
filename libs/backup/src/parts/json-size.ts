/** A control character is six bytes as JSON; every other unit of a string is three at most. */
const MOST_BYTES_PER_UNIT = 6;
/** With a backslash before one letter. */
const SHORT_ESCAPES = new Set([8, 9, 10, 12, 13]);

/**
 * Whether a value that is made of strings, numbers, arrays and plain objects is no longer than so many bytes as JSON in
 * UTF-8, told without making that: of bytes below the space it is six times what it takes in memory.
 */
export function fitsAsJson(value: unknown, mostBytes: number): boolean {
  return bytesLeft(value, mostBytes, roughSize) >= 0 || bytesLeft(value, mostBytes, exactSize) >= 0;
}

/** @returns what is left of `bytes` behind the value; negative when it does not fit. */
function bytesLeft(value: unknown, bytes: number, sizeOf: (text: string, most: number) => number): number {
  if (typeof value === 'string') return bytes - 2 - sizeOf(value, bytes);
  if (typeof value !== 'object' || value === null) return bytes - String(value).length;
  // Brackets, and what stands between its values.
  let left = bytes - 2;
  if (Array.isArray(value)) {
    for (const element of value as unknown[]) if (left >= 0) left = bytesLeft(element, left - 1, sizeOf);
  } else {
    const fields = value as Readonly<Record<string, unknown>>;
    for (const field of Object.keys(fields))
      if (left >= 0 && fields[field] !== undefined)
        left = bytesLeft(fields[field], bytesLeft(field, left - 2, sizeOf), sizeOf);
  }
  return left;
}

function roughSize({ length }: string): number {
  return length * MOST_BYTES_PER_UNIT;
}

/** @param most where it need not be counted on. */
function exactSize(text: string, most: number): number {
  let bytes = 0;
  for (let at = 0; at < text.length && bytes <= most; at += 1) bytes += sizeOfUnit(text.charCodeAt(at));
  return bytes;
}

/** Of a pair of surrogates each counts as half of it; one that stands alone is escaped, and counts too little. */
function sizeOfUnit(unit: number): number {
  if (unit < 0x20) return SHORT_ESCAPES.has(unit) ? 2 : MOST_BYTES_PER_UNIT;
  if (unit < 0x80) return unit === 0x22 || unit === 0x5c ? 2 : 1;
  if (unit < 0x800) return 2;
  return unit >= 0xd800 && unit < 0xe000 ? 2 : 3;
}
