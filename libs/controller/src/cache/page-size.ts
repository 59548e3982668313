/** Of JSON. What a page is parsed into is garbage before V8 counts it as old, so that the heap stays small. */
const PAGE_CHARACTERS = 1024 * 1024;
/** One object may have 1.5 MB: the first page is small, because nothing is known yet. */
export const FIRST_PAGE_SIZE = 5;
export const MAX_PAGE_SIZE = 100;

/**
 * How many objects to ask for next, so that a list takes little memory whatever size tenants give their objects: as many
 * as fit, at most twice as many as before.
 *
 * @param objects of the last page, which had so many `characters`.
 */
export function nextPageSize(pageSize: number, objects: number, characters: number): number {
  const fitting = objects === 0 ? MAX_PAGE_SIZE : Math.floor((PAGE_CHARACTERS * objects) / characters);
  return Math.max(1, Math.min(fitting, pageSize * 2, MAX_PAGE_SIZE));
}
