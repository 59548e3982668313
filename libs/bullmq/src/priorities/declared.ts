/** Above what BullMQ takes: 2^21 - 1. */
const ABOVE_ALL = 2_097_152;

/** Jobs whose priority is within a range are given another one. */
export interface PriorityRange {
  readonly first: number;
  readonly last: number;
  readonly to: number;
}

/** What jobs that have no declared priority are given. */
export interface Clamping {
  /** In their order; together they are all priorities but the declared ones. */
  readonly ranges: readonly PriorityRange[];
  /** For jobs without a priority, which BullMQ serves before all others. */
  readonly ofNone: number;
}

/**
 * The nearest declared priority for each that is not; of two that are as near, the less urgent one. Jobs without a
 * priority are given the most urgent one. Pure.
 *
 * @param declared at least one, in any order; 1 is the most urgent.
 */
export function clampTo(declared: readonly number[]): Clamping {
  const sorted = [...new Set(declared)].toSorted((a, b) => a - b);
  const ofNone = sorted[0];
  if (ofNone === undefined) throw new RangeError('no priority is declared that jobs could be given');
  const ranges = sorted.flatMap((priority, index) => {
    const [before, after] = [sorted[index - 1], sorted[index + 1]];
    // Midway goes to the less urgent one: to this from before, and to the next from behind.
    const first = before === undefined ? 1 : Math.ceil((before + priority) / 2);
    const last = after === undefined ? ABOVE_ALL : Math.ceil((priority + after) / 2) - 1;
    return [
      { first, last: priority - 1, to: priority },
      { first: priority + 1, last, to: priority },
    ];
  });
  return { ranges: ranges.filter(({ first, last }) => first <= last), ofNone };
}
