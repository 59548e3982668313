import type { SamplingGroup } from '../turns/sampling-groups.ts';

/** Redis targets per round: each may have to be connected to anew, as fewer connections are kept open than there may be. */
export const MOST_PER_ROUND = 384;
export const MOST_PER_NAMESPACE = 32;

/**
 * Whose turn it is: those that had none for the longest, and so many of each namespace. A namespace with 800 targets is
 * compared over many rounds, and makes none of them longer for the others. Pure.
 *
 * @param lastRoundOf the number of the round in which a group had its last turn, by its key.
 */
export function dueGroups(groups: readonly SamplingGroup[], lastRoundOf: ReadonlyMap<string, number>): SamplingGroup[] {
  const taken = new Map<string, number>();
  return groups
    .toSorted((a, b) => (lastRoundOf.get(a.key) ?? 0) - (lastRoundOf.get(b.key) ?? 0))
    .filter(({ namespace }) => {
      const count = taken.get(namespace) ?? 0;
      taken.set(namespace, count + 1);
      return count < MOST_PER_NAMESPACE;
    })
    .slice(0, MOST_PER_ROUND);
}
