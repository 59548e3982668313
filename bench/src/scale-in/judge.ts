/** The pods of a pool at the moment of a sample that were not on their way out, and the active jobs of each. */
export type JobsByPod = ReadonlyMap<string, number>;

export interface ScaleInVerdict {
  /** Pods of the sample that the scale-in took. */
  readonly victims: number;
  /** Of these, pods without an active job in the sample. */
  readonly idle: number;
  /** Victims with more active jobs in the sample than some survivor. */
  readonly worse: number;
  /** How likely it is that randomly chosen pods would have had a worse one among them, 0 to 1. */
  readonly worseByLot: number;
}

/**
 * Compares who went with who stayed, by what was known when it was decided. Pure.
 *
 * @param survivors pods of the sample that the scale-in left alone.
 */
export function judgeScaleIn(sample: JobsByPod, survivors: ReadonlySet<string>): ScaleInVerdict {
  const jobs = (stays: boolean): number[] =>
    [...sample].filter(([pod]) => survivors.has(pod) === stays).map(([, n]) => n);
  const went = jobs(false);
  const fewestLeft = Math.min(...jobs(true));
  return {
    victims: went.length,
    idle: went.filter((count) => count === 0).length,
    worse: went.filter((count) => count > fewestLeft).length,
    worseByLot: 1 - chanceOfTheBest([...sample.values()], went.length),
  };
}

/** Of all ways to take this many pods, the share that takes none which is busier than one that stays. */
function chanceOfTheBest(jobs: readonly number[], taken: number): number {
  if (taken === 0 || taken >= jobs.length) return 1;
  const limit = jobs.toSorted((a, b) => a - b)[taken - 1]!;
  const below = jobs.filter((count) => count < limit).length;
  const equal = jobs.filter((count) => count === limit).length;
  return combinations(equal, taken - below) / combinations(jobs.length, taken);
}

function combinations(of: number, take: number): number {
  let ways = 1;
  for (let n = 0; n < take; n++) ways = (ways * (of - n)) / (n + 1);
  return ways;
}
