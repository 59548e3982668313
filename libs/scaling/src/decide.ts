import {
  clampToBounds,
  inPanic,
  isSettling,
  isWithinTolerance,
  limitGrowth,
  limitShrink,
  proposeReplicas,
  stabilizeGrowth,
  stabilizeShrink,
  updatePanic,
  wholeReplicas,
  windowEndMs,
} from './behavior.ts';
import { notConsumed } from './consumption.ts';
import { isIdle } from './demand.ts';
import {
  confidenceOf,
  DEFAULT_NODE_START_MS,
  fewestForLongJobs,
  growHold,
  historyNeededMs,
  isGettingLate,
  isMissingData,
  shrinkHold,
  unseenHold,
} from './holds.ts';
import {
  isSeen,
  type Decision,
  type Hold,
  type Instant,
  type PolicyState,
  type PoolObservation,
  type PoolSpecView,
  type QueueObservation,
} from './model/types.ts';
import { addProposal, observePods } from './policy-state.ts';
import { explain } from './reason.ts';
import { sizePool } from './size.ts';

/**
 * The size a pool should have now, why, and what to remember for the next call. Pure; call it at least every few
 * seconds, because a longer gap counts as lost history.
 *
 * The order of the steps: demand from the queues → whole replicas within bounds and tolerance → stabilisation windows →
 * step policies → holds → bounds again, which nothing overrides: they are the user's.
 */
export function decide(
  pool: PoolSpecView,
  remembered: PolicyState,
  observation: PoolObservation,
  nowMs: Instant,
): { decision: Decision; state: PolicyState } {
  const current = observation.currentReplicas;
  let state = observePods(remembered, pool, observation, nowMs);
  const size = sizePool(pool, observation.queues, {
    failingPods: observation.failingPods,
    freeSlots: state.freeSlots,
    // Of the time that a node may take half is the mean, when all of it is as likely.
    slotsInMs: state.unschedulable ? (observation.nodeStartMs ?? DEFAULT_NODE_START_MS) / 2 : 0,
  });
  state = updatePanic(state, wholeReplicas(size.demand), current, nowMs);
  const confidence = confidenceOf(observation.queues, nowMs);
  const mayNotShrink = shrinkHold(pool, observation, { asked: size.queues, confidence }, state, nowMs);
  // Pods that start are what the job waits for.
  const allWork = (observation.readyReplicas ?? current) >= current;
  const isLate = allWork && size.queues.some((queue) => isGettingLate(queue, pool.waitTargetMs));
  const growing = { doubt: size.doubt, isLate };
  const proposal = proposeReplicas(pool, size.demand, current, growing);
  // While data is missing the size itself is what the window remembers, so that no shrink is waiting when the data is
  // back.
  const least = isMissingData(mayNotShrink) ? current : 0;
  const inWindow =
    pool.burstWindowMs === undefined ? proposal : proposeReplicas(pool, size.remembered, current, growing);
  const lasting = wholeReplicas(size.lasting * (1 + pool.scaleDown.tolerance));
  state = addProposal(state, pool, { replicas: Math.max(inWindow, least), lasting: Math.max(lasting, least) }, nowMs);

  const { serviceTimeMs } = size;
  const mayNotGrow = growHold(observation, state, nowMs);
  const { connectableReplicas: connectable = Infinity } = observation;
  const fewest = fewestForLongJobs(pool, observation, size.queues);
  const step = { proposal, current, serviceTimeMs, mayNotShrink, mayNotGrow, connectable, fewest };
  const followed = follow(pool, state, step, nowMs);
  const desired = clampToBounds(pool, followed.replicas);
  const wanted = wholeReplicas(size.demand);
  // What cannot be seen may need another size, also where what is seen needs this one.
  const heldBy = followed.heldBy ?? unseenHold(observation.queues);
  const cooldownUntilMs = shrinksAtMs(pool, state, current, 0);
  const watchedMs = nowMs - state.sinceMs;
  return {
    state,
    decision: {
      desired,
      reason: explain({
        pool,
        observation,
        size,
        wanted,
        desired,
        heldBy: followed.heldBy,
        confidence,
        watchedMs,
        shrinksAtMs: shrinksAtMs(pool, state, current, inWindow),
        nowMs,
      }),
      ...(heldBy !== undefined && { heldBy }),
      signals: observation.queues.map((queue) => ({
        ...signalOf(queue, pool, size.queues),
        ...notConsumed(state.consumption[queue.queue]),
      })),
      confidence,
      ...(cooldownUntilMs > nowMs && { cooldownUntilMs }),
      safetyLimitHit: wanted > pool.maxReplicas,
    },
  };
}

interface Step {
  readonly proposal: number;
  readonly current: number;
  readonly serviceTimeMs: number;
  readonly mayNotShrink: Hold | undefined;
  readonly mayNotGrow: Hold | undefined;
  /** As many pods as can connect. */
  readonly connectable: number;
  /** As few as keep what runs. */
  readonly fewest: number;
}

function follow(
  pool: PoolSpecView,
  state: PolicyState,
  step: Step,
  nowMs: Instant,
): { replicas: number; heldBy?: Hold } {
  return step.proposal >= step.current ? grow(pool, state, step, nowMs) : shrink(pool, state, step, nowMs);
}

function grow(
  pool: PoolSpecView,
  state: PolicyState,
  { proposal, current, serviceTimeMs, mayNotGrow, connectable }: Step,
  nowMs: Instant,
): { replicas: number; heldBy?: Hold } {
  if (proposal === current || isSettling(pool, state, { current, target: proposal, serviceTimeMs }, nowMs))
    return { replicas: current };
  const stabilized = Math.max(current, stabilizeGrowth(state, pool, nowMs));
  if (stabilized === current) return { replicas: current, heldBy: 'StabilizationWindow' };
  const limited = limitGrowth(pool.scaleUp, state, current, stabilized, nowMs);
  // From zero one pod always starts: only running jobs can show that the trouble is over.
  if (mayNotGrow !== undefined && limited.replicas > Math.max(1, current))
    return { replicas: Math.max(1, current), heldBy: mayNotGrow };
  const connected = Math.max(1, current, connectable);
  return limited.replicas > connected ? { replicas: connected, heldBy: 'ConnectionsExhausted' } : limited;
}

function shrink(
  pool: PoolSpecView,
  state: PolicyState,
  { proposal, current, mayNotShrink, fewest }: Step,
  nowMs: Instant,
): { replicas: number; heldBy?: Hold } {
  if (mayNotShrink !== undefined) return { replicas: current, heldBy: mayNotShrink };
  if (inPanic(state, nowMs)) return { replicas: current, heldBy: 'Panic' };
  const stabilized = Math.max(proposal, stabilizeShrink(state, pool, { current, proposal }, nowMs));
  if (isWithinTolerance(pool, current, proposal)) return { replicas: current };
  if (isWithinTolerance(pool, current, stabilized)) return { replicas: current, heldBy: 'StabilizationWindow' };
  const limited = limitShrink(pool.scaleDown, state, current, stabilized, nowMs);
  if (limited.replicas < fewest) return { replicas: fewest, heldBy: 'LongJobs' };
  return limited.heldBy === undefined && stabilized > proposal
    ? { ...limited, heldBy: 'StabilizationWindow' }
    : limited;
}

/**
 * The earliest time at which the pool could shrink if from now on no more than `asked` pods are asked for: history is
 * filled, panic is over, the window has forgotten the current size.
 */
function shrinksAtMs(pool: PoolSpecView, state: PolicyState, current: number, asked: number): Instant {
  return Math.max(
    state.sinceMs + historyNeededMs(pool),
    state.panicUntilMs ?? 0,
    windowEndMs(state, pool, current, asked),
  );
}

function signalOf(
  queue: QueueObservation,
  pool: PoolSpecView,
  sized: ReturnType<typeof sizePool>['queues'],
): Decision['signals'][number] {
  if (!isSeen(queue)) return { queue: queue.queue };
  const { estimates } = queue;
  const own = sized.find(({ load }) => load === queue);
  const wants = isIdle(queue) && own?.demand.expected === 0 ? 0 : (own?.replicas ?? 0);
  return {
    queue: queue.queue,
    depth: queue.ready,
    active: queue.active,
    ...defined({
      arrivalRate: estimates.arrivalRate,
      forecastRate: estimates.forecast?.ratePerSecond,
      serviceTimeMs: estimates.serviceTimeMs,
      waitP50Ms: estimates.waitMs?.p50,
      waitP95Ms: estimates.waitMs?.p95,
      waitP99Ms: estimates.waitMs?.p99,
      oldestAgeMs: queue.headAgeMs,
      errorRate: estimates.errorRate,
    }),
    wants: Math.min(Math.ceil(wants), 10 * pool.maxReplicas),
  };
}

function defined<T extends object>(object: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
