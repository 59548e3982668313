/** Above this offered load the square-root rule is used: it is then within a slot per thousand of the exact figure. */
const EXACT_UP_TO_SLOTS = 20_000;

/** M/M/c as sizing sees it. */
export interface WaitTarget {
  /** Offered load in Erlang: arrival rate · service time, the slots that are busy on average. */
  readonly offeredLoad: number;
  readonly serviceTimeMs: number;
  readonly waitTargetMs: number;
  /** Share of the jobs that may wait longer than the target, such as 0.05. */
  readonly missRate: number;
  /** (ca² + cs²) / 2 of Allen and Cunneen: 1 for Poisson arrivals and exponential service times. */
  readonly variability: number;
}

/**
 * Erlang B: the probability that all `slots` are busy when nobody can wait. By the recursion B(c) = R·B(c−1) / (c +
 * R·B(c−1)), which neither overflows nor cancels (Jagerman 1974; Angus, "An introduction to Erlang B and Erlang C",
 * 2001).
 */
export function erlangB(slots: number, offeredLoad: number): number {
  let blocked = 1;
  for (let c = 1; c <= slots; c++) blocked = nextErlangB(blocked, c, offeredLoad);
  return blocked;
}

function nextErlangB(previous: number, slots: number, offeredLoad: number): number {
  return (offeredLoad * previous) / (slots + offeredLoad * previous);
}

/** Erlang C: the probability that a job has to wait. 1 when the slots cannot carry the load. */
export function erlangC(slots: number, offeredLoad: number): number {
  return waitProbability(erlangB(slots, offeredLoad), slots, offeredLoad);
}

/** C = c·B / (c − R·(1 − B)), the same source. */
function waitProbability(blocked: number, slots: number, offeredLoad: number): number {
  if (slots <= offeredLoad) return 1;
  return (slots * blocked) / (slots - offeredLoad * (1 - blocked));
}

/**
 * The smallest number of slots with P(wait > target) ≤ missRate. In M/M/c, P(wait > t) = C·e^(−(c−R)·t/S); Allen and
 * Cunneen multiply the mean wait by (ca² + cs²)/2 for other distributions, which here stretches the exponential's mean
 * (Allen, "Probability, Statistics and Queueing Theory", 1990, §5.3). Costs O(offered load).
 */
export function slotsForWaitTarget(target: WaitTarget): number {
  const { offeredLoad } = target;
  if (offeredLoad <= 0) return 0;
  if (offeredLoad > EXACT_UP_TO_SLOTS) return squareRootStaffing(target);
  let blocked = 1;
  for (let slots = 1; ; slots++) {
    blocked = nextErlangB(blocked, slots, offeredLoad);
    if (slots <= offeredLoad) continue;
    const waitsAtAll = waitProbability(blocked, slots, offeredLoad);
    if (waitsAtAll * shareBeyondTarget(slots - offeredLoad, target) <= target.missRate) return slots;
  }
}

/** The share of waiting jobs that wait longer than the target when `spare` slots exceed the load. */
function shareBeyondTarget(spare: number, { serviceTimeMs, waitTargetMs, variability }: WaitTarget): number {
  return Math.exp((-spare * waitTargetMs) / (serviceTimeMs * variability));
}

/**
 * Slots ≈ R + β·√R (Halfin and Whitt 1981). With `spare` ≥ ln(1/missRate)·S·v/t even certain waiters keep the target,
 * so no more than that is ever needed; β = 1.65 has P(wait) < 5 % by itself.
 */
function squareRootStaffing({ offeredLoad, serviceTimeMs, waitTargetMs, missRate, variability }: WaitTarget): number {
  const enoughIfAllWait = (Math.log(1 / missRate) * serviceTimeMs * variability) / Math.max(waitTargetMs, 1);
  const enoughThatFewWait = 1.65 * Math.sqrt(offeredLoad);
  return Math.ceil(offeredLoad + Math.max(1, Math.min(enoughIfAllWait, enoughThatFewWait)));
}
