/** The states that are weighed, in the order of `sample-sizes.lua`. */
export const WEIGHED_STATES = [
  'completed',
  'failed',
  'wait',
  'paused',
  'active',
  'prioritized',
  'delayed',
  'waiting-children',
] as const;
export type WeighedState = (typeof WEIGHED_STATES)[number];

/** What some jobs of one state use. */
export interface WeighedJobs {
  /** Jobs in this state. */
  readonly count: number;
  /** How many of them were weighed. */
  readonly weighed: number;
  readonly bytes: number;
  /** Sum of the squares of their bytes. */
  readonly squares: number;
}

/** What a queue uses, from some jobs of each state. */
export interface SizeSample {
  /** Of lists, sets and the stream of events. */
  readonly ownBytes: number;
  readonly states: Readonly<Record<WeighedState, WeighedJobs>>;
}

export interface SizeEstimate {
  readonly bytes: number;
  /** By how much `bytes` is off, as its standard deviation. */
  readonly standardError: number;
  readonly completedBytes: number;
  readonly failedBytes: number;
}

/** Mean size times number of jobs, per state, and what the queue's own keys use. */
export function estimateSize({ ownBytes, states }: SizeSample): SizeEstimate {
  const parts = WEIGHED_STATES.map((state) => estimateState(states[state]));
  const [completed, failed] = [estimateState(states.completed), estimateState(states.failed)];
  return {
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, ownBytes),
    standardError: Math.sqrt(parts.reduce((sum, { variance }) => sum + variance, 0)),
    completedBytes: completed.bytes,
    failedBytes: failed.bytes,
  };
}

/** All jobs were weighed: no error. Of one job nothing is known of how the others differ: then it may be all wrong. */
function estimateState({ count, weighed, bytes, squares }: WeighedJobs): { bytes: number; variance: number } {
  if (weighed === 0) return { bytes: 0, variance: 0 };
  const mean = bytes / weighed;
  const total = mean * count;
  if (weighed >= count) return { bytes: total, variance: 0 };
  const spread = weighed > 1 ? Math.max(0, squares - weighed * mean ** 2) / (weighed - 1) : mean ** 2;
  return { bytes: total, variance: (count ** 2 * spread * (1 - weighed / count)) / weighed };
}
