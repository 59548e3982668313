/** A job of the bench as it was found in the end: in the dead-letter queue, or still in its own. */
export interface FoundJob {
  /** Which of the jobs that were added. */
  readonly index: number;
  readonly dead: boolean;
  readonly finishedOn: number;
}

export interface Verdict {
  /** Jobs that are no dead letter in the end. */
  readonly lost: number;
  /** Copies of a job beside the first. */
  readonly doubled: number;
  /** Pairs of neighbours in the dead-letter queue of which the second failed first. */
  readonly outOfOrder: number;
  /** Jobs that ran more or less often than their attempts, retries and redrives say. */
  readonly wrongRuns: number;
}

/**
 * @param found every job in both queues; those of the dead-letter queue in its order.
 * @param runs how often each job ran, and how often it should have.
 */
export function judge(
  jobs: number,
  found: readonly FoundJob[],
  runs: { readonly of: (index: number) => number; readonly expected: (index: number) => number },
): Verdict {
  const copies = Array.from({ length: jobs }, () => 0);
  const isDead = new Set<number>();
  for (const { index, dead } of found) {
    copies[index] = (copies[index] ?? 0) + 1;
    if (dead) isDead.add(index);
  }
  const times = found.filter(({ dead }) => dead).map(({ finishedOn }) => finishedOn);
  return {
    lost: jobs - isDead.size,
    doubled: copies.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    outOfOrder: times.filter((time, at) => at > 0 && time < times[at - 1]!).length,
    wrongRuns: copies.filter((_, index) => runs.of(index) !== runs.expected(index)).length,
  };
}
