/** What keeps a restore out of a queue. */
export interface Occupant {
  /** In words, after `has`. */
  readonly by: string;
  /** Of another restore that has the queue, or has left it as it is. */
  readonly restoreId?: string;
}

/** BullMQ's keys in the words of its own API. */
const STATES: Readonly<Record<string, string>> = { wait: 'waiting', paused: 'waiting (in the list `paused`)' };

/** As `parts/restore-occupant.lua` gives it. */
export function occupantOf(first: unknown, second: unknown): Occupant {
  const [what, count] = [String(first), Number(second)];
  if (count === -2) return { by: `restore ${what}, which waits until it is resumed`, restoreId: what };
  if (count < 0) return { by: `restore ${what}, which is not complete`, restoreId: what };
  if (what === 'restore') return { by: `${count} jobs that another restore has written and never put in their places` };
  const plural = count === 1 ? '' : 's';
  if (what === 'schedulers') return { by: `${count} job scheduler${plural}` };
  return { by: `${count} ${STATES[what] ?? what} job${plural}` };
}
