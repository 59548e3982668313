/**
 * Orders two resourceVersions of one type: negative when `a` is older.
 * @returns undefined when either is not a decimal number, as the API allows: then nothing may be concluded
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (!isNumeric(a) || !isNumeric(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

function isNumeric(version: string): boolean {
  return /^[1-9][0-9]*$/.test(version);
}
