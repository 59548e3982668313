import type { Hold, Instant, PolicyState, PoolSpecView, ScalingRulesView } from './model/types.ts';

/** Demand at least this many times the size is a burst (Knative KPA's panic threshold, 200 %). */
const PANIC_RATIO = 2;
/** How long after the last sign of a burst the pool only grows. */
export const PANIC_MS = 15_000;

/** See `isSettling`. The share is of the wait target. */
const GROWTH_SETTLE_SHARE = 0.5;
const LONGEST_GROWTH_SETTLE_MS = 5_000;
const AFTER_ZERO_MS = 5_000;

/** See `stabilizeShrink`. */
const LONGEST_SETTLE_MS = 10_000;
/** See `shrinkWindowMs`: pods, and part of the default window. */
const FEW_PODS = 3;
const MANY_PODS_WINDOW_SHARE = 2 / 3;
/** Standard deviations of the arrival rate that a shrink leaves as a margin. */
const SHRINK_DOUBTS = 4;
/** See `leftOfBurst`: part of the size, and pods where there are few. */
const BURST_LEFT_SHARE = 6 / 7;
const BURST_LEFT_PODS = 2;

export interface BoundedSize {
  readonly replicas: number;
  readonly heldBy?: Hold;
}

export function clampToBounds({ minReplicas, maxReplicas }: PoolSpecView, replicas: number): number {
  return Math.max(minReplicas, Math.min(maxReplicas, replicas));
}

/** `state` with panic entered or prolonged when the demand is a multiple of the size. */
export function updatePanic(state: PolicyState, wanted: number, current: number, nowMs: Instant): PolicyState {
  return wanted > current && wanted >= PANIC_RATIO * Math.max(1, current)
    ? { ...state, panicUntilMs: nowMs + PANIC_MS }
    : state;
}

/**
 * Whether a growth waits because the pool has just grown: pods that start cannot show yet whether they are enough, and
 * what comes meanwhile is answered by one change instead of one per second. It does not wait when a multiple of the
 * size is needed, nor in the first moments after zero, when a burst may still be coming in; and it waits less the
 * longer jobs are, since then no busy slot will be free in time.
 */
export function isSettling(
  { waitTargetMs = 2 * LONGEST_GROWTH_SETTLE_MS }: PoolSpecView,
  { grewAtMs, zeroAtMs }: PolicyState,
  { current, target, serviceTimeMs }: { current: number; target: number; serviceTimeMs: number },
  nowMs: Instant,
): boolean {
  if (current === 0 || grewAtMs === undefined || target >= PANIC_RATIO * current) return false;
  if (zeroAtMs !== undefined && nowMs - zeroAtMs < AFTER_ZERO_MS) return false;
  const settleMs = Math.min(GROWTH_SETTLE_SHARE * waitTargetMs, LONGEST_GROWTH_SETTLE_MS);
  return nowMs - grewAtMs < (settleMs * waitTargetMs) / (waitTargetMs + serviceTimeMs);
}

export function inPanic(state: PolicyState, nowMs: Instant): boolean {
  return state.panicUntilMs !== undefined && nowMs < state.panicUntilMs;
}

/**
 * The whole number of replicas for a fractional demand, or the current one when the difference is within tolerance, as
 * HPA does (|ratio − 1| ≤ tolerance). Shrinking keeps on top of the demand what chance may have taken from it, at most
 * the tolerance, so that it cannot alternate with growing.
 *
 * @param doubt share of the demand that may be chance.
 * @param isLate jobs wait for so long that no difference is too small.
 */
export function proposeReplicas(
  pool: PoolSpecView,
  demand: number,
  current: number,
  { doubt = Infinity, isLate = false }: { doubt?: number; isLate?: boolean } = {},
): number {
  const wanted = clampToBounds(pool, wholeReplicas(demand));
  if (wanted > current) {
    const tolerance = isLate ? 0 : Math.min(pool.scaleUp.tolerance, doubt);
    const withinTolerance = current >= pool.minReplicas && current > 0 && demand <= current * (1 + tolerance);
    return withinTolerance ? current : wanted;
  }
  const margin = Math.min(pool.scaleDown.tolerance, SHRINK_DOUBTS * doubt);
  const padded = clampToBounds(pool, wholeReplicas(demand * (1 + margin)));
  return Math.min(clampToBounds(pool, current), Math.max(wanted, padded));
}

/**
 * A shrink to `target` is too small to be worth a change, by HPA's |ratio − 1| ≤ tolerance: half of it, for about the
 * other half is the margin that `proposeReplicas` has left.
 */
export function isWithinTolerance({ scaleDown }: PoolSpecView, current: number, target: number): boolean {
  return target === current || target > current * (1 - scaleDown.tolerance / 2);
}

/** Rounds up, forgiving what floating point adds to a sum of shares. */
export function wholeReplicas(replicas: number): number {
  return replicas > 0 ? Math.max(1, Math.ceil(replicas - 1e-9)) : 0;
}

/**
 * The size to shrink to: the largest proposal of the window (HPA's stabilisation), `proposal` being the newest. While
 * that still falls, as it does after a burst in many small steps, up to `LONGEST_SETTLE_MS` more make one change of
 * them.
 */
export function stabilizeShrink(
  state: PolicyState,
  pool: PoolSpecView,
  { current, proposal }: { current: number; proposal: number },
  nowMs: Instant,
): number {
  const largestWithin = (ageMs: number): number =>
    Math.max(0, ...state.highs.filter(({ atMs }) => nowMs - atMs <= ageMs).map(({ replicas }) => replicas));
  const burst = leftOfBurst(state, pool, current, nowMs);
  if (burst !== undefined) return burst;
  // No pool is hurried to zero.
  const recent = largestWithin(shrinkWindowMs(pool, current));
  const target = Math.min(current, recent > 0 ? recent : largestWithin(pool.scaleDown.stabilizationWindowMs));
  const stillFalls = target > proposal && largestWithin(shrinkMemoryMs(pool)) >= current;
  return stillFalls ? current : target;
}

/**
 * How long fewer pods must have been enough, unless none would be. Where the spec leaves it to us, a pool of many pods
 * waits for less: of a few, each is a large part, and chance alone asks for it and for one less in turn.
 */
function shrinkWindowMs({ scaleDown, burstWindowMs }: PoolSpecView, current: number): number {
  const isLarge = burstWindowMs !== undefined && current > FEW_PODS;
  return scaleDown.stabilizationWindowMs * (isLarge ? MANY_PODS_WINDOW_SHARE : 1);
}

/**
 * The size to shrink to when a burst has left much more than what its arrivals still ask for; undefined when it has
 * not. A line that was worked off does not come back, so pods that were started for it are held for `burstWindowMs`
 * only; the rest of the pool, and any pool whose size is roughly right, waits for the window. So do the last
 * pods: a pool is never hurried to zero.
 */
function leftOfBurst(state: PolicyState, pool: PoolSpecView, current: number, nowMs: Instant): number | undefined {
  const { burstWindowMs } = pool;
  if (burstWindowMs === undefined) return undefined;
  const recent = [...state.highs, ...state.lasting].filter(({ atMs }) => nowMs - atMs <= burstWindowMs);
  const target = clampToBounds(pool, Math.max(0, ...recent.map(({ replicas }) => replicas)));
  return target <= mostLeftOfBurst(current) && target > 0 ? target : undefined;
}

/** The largest size to which a pool may shrink early; see `leftOfBurst`. */
function mostLeftOfBurst(current: number): number {
  return current > FEW_PODS ? current * BURST_LEFT_SHARE : current - BURST_LEFT_PODS;
}

/**
 * The earliest time at which the windows let the pool shrink, if from now on no more than `asked` pods are asked for.
 */
export function windowEndMs(state: PolicyState, pool: PoolSpecView, current: number, asked = 0): Instant {
  const windowEnd = endOf(state.highs, current - 1, shrinkWindowMs(pool, current));
  const left = mostLeftOfBurst(current);
  if (pool.burstWindowMs === undefined || left < Math.max(1, asked)) return windowEnd;
  return Math.min(windowEnd, endOf([...state.highs, ...state.lasting], left, pool.burstWindowMs));
}

/** How far back a proposal can keep a pool from shrinking. */
export function shrinkMemoryMs({ scaleDown }: PoolSpecView): number {
  return scaleDown.stabilizationWindowMs + Math.min(LONGEST_SETTLE_MS, scaleDown.stabilizationWindowMs / 6);
}

/**
 * The smallest proposal of the rolling window, for growth; with the default window of 0 s that is the newest proposal.
 */
export function stabilizeGrowth(state: PolicyState, pool: PoolSpecView, nowMs: Instant): number {
  const { stabilizationWindowMs } = pool.scaleUp;
  return Math.min(
    ...state.lows.filter(({ atMs }) => nowMs - atMs <= stabilizationWindowMs).map(({ replicas }) => replicas),
  );
}

function endOf(proposals: PolicyState['highs'], above: number, windowMs: number): Instant {
  return Math.max(0, ...proposals.filter(({ replicas }) => replicas > above).map(({ atMs }) => atMs + windowMs));
}

/**
 * What `policies` allow of a growth to `target`: relative to the size when each policy's period began, as HPA v2
 * counts.
 */
export function limitGrowth(
  rules: ScalingRulesView,
  state: PolicyState,
  current: number,
  target: number,
  nowMs: Instant,
): BoundedSize {
  if (rules.selectPolicy === 'Disabled') return { replicas: current, heldBy: 'Disabled' };
  const allowed = rules.policies.map(({ type, value, periodMs }) => {
    const start = current - changedWithin(state, periodMs, nowMs, 1);
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  // A percentage of nothing is nothing: from zero the first pod is always allowed.
  const limit = Math.max(allowed.length === 0 ? Infinity : pick(rules, allowed, 'largest'), current, 1);
  return limit < target ? { replicas: limit, heldBy: 'StepLimit' } : { replicas: target };
}

/** What `policies` allow of a shrink to `target`. */
export function limitShrink(
  rules: ScalingRulesView,
  state: PolicyState,
  current: number,
  target: number,
  nowMs: Instant,
): BoundedSize {
  if (rules.selectPolicy === 'Disabled') return { replicas: current, heldBy: 'Disabled' };
  const allowed = rules.policies.map(({ type, value, periodMs }) => {
    const start = current - changedWithin(state, periodMs, nowMs, -1);
    return type === 'Pods' ? start - value : Math.floor(start * (1 - value / 100));
  });
  const limit = Math.min(allowed.length === 0 ? 0 : pick(rules, allowed, 'smallest'), current);
  return limit > target ? { replicas: Math.max(0, limit), heldBy: 'StepLimit' } : { replicas: target };
}

/** selectPolicy Max is the policy that changes most, Min the one that changes least. */
function pick(
  { selectPolicy }: ScalingRulesView,
  allowed: readonly number[],
  mostChange: 'largest' | 'smallest',
): number {
  const largest = (selectPolicy === 'Max') === (mostChange === 'largest');
  return largest ? Math.max(...allowed) : Math.min(...allowed);
}

/** Replicas added (direction 1) or, negative, removed (−1) within the period. */
function changedWithin({ changes }: PolicyState, periodMs: number, nowMs: Instant, direction: number): number {
  return changes.reduce(
    (sum, { atMs, delta }) => (nowMs - atMs < periodMs && Math.sign(delta) === direction ? sum + delta : sum),
    0,
  );
}
