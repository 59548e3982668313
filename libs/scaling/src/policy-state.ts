import { shrinkMemoryMs } from './behavior.ts';
import { watchConsumption } from './consumption.ts';
import { watchFreeSlots } from './free-slots.ts';
import { STALE_AFTER_MS } from './holds.ts';
import type { Instant, PolicyState, PoolObservation, PoolSpecView } from './model/types.ts';

/** The state of a pool of which nothing is remembered: it holds its size until its window is filled. */
export function initialState(nowMs: Instant): PolicyState {
  return { sinceMs: nowMs, highs: [], lasting: [], lows: [], changes: [], freeSlots: {}, consumption: {} };
}

/**
 * Records what is observed of the pods in the state. A gap without decisions counts as lost memory for shrinking: what happened in
 * it is unknown.
 */
export function observePods(
  state: PolicyState,
  pool: PoolSpecView,
  observation: PoolObservation,
  nowMs: Instant,
): PolicyState {
  const { currentReplicas, unschedulablePods = 0 } = observation;
  const gap =
    state.decidedAtMs !== undefined && nowMs - state.decidedAtMs > STALE_AFTER_MS && (state.observedReplicas ?? 1) > 0;
  const delta = currentReplicas - (state.observedReplicas ?? currentReplicas);
  const longestMs = Math.max(
    0,
    ...[...pool.scaleUp.policies, ...pool.scaleDown.policies].map(({ periodMs }) => periodMs),
  );
  const changes =
    longestMs === 0 || (delta === 0 && state.changes.length === 0)
      ? []
      : state.changes.filter(({ atMs }) => nowMs - atMs < longestMs);
  const { unschedulable: before, ...rest } = state;
  const waitsOn = before !== undefined && before.pods <= unschedulablePods;
  return {
    ...rest,
    ...(unschedulablePods > 0 && {
      unschedulable: { pods: unschedulablePods, sinceMs: waitsOn ? before.sinceMs : nowMs },
    }),
    freeSlots: watchFreeSlots(state.freeSlots, pool, observation, nowMs),
    consumption: watchConsumption(state.consumption, pool, observation),
    sinceMs: gap ? nowMs : state.sinceMs,
    decidedAtMs: nowMs,
    observedReplicas: currentReplicas,
    ...(delta > 0 && { grewAtMs: nowMs }),
    ...(currentReplicas === 0 && { zeroAtMs: nowMs }),
    changes: delta === 0 || longestMs === 0 ? changes : [...changes, { atMs: nowMs, delta }],
  };
}

/**
 * Adds a proposal to the windows. They are stored as monotonic queues: a proposal is dropped as soon as a later one is
 * at least as large (small), since it can never again be the window's largest (smallest). So each holds at most one
 * entry per distinct size.
 */
export function addProposal(
  state: PolicyState,
  pool: PoolSpecView,
  { replicas, lasting }: { replicas: number; lasting: number },
  nowMs: Instant,
): PolicyState {
  const entry = { atMs: nowMs, replicas };
  const inWindow = (windowMs: number) => (proposal: { atMs: Instant }) => nowMs - proposal.atMs <= windowMs;
  return {
    ...state,
    highs: [...state.highs.filter((high) => high.replicas > replicas && inWindow(shrinkMemoryMs(pool))(high)), entry],
    lasting: [
      ...state.lasting.filter((high) => high.replicas > lasting && inWindow(shrinkMemoryMs(pool))(high)),
      { atMs: nowMs, replicas: lasting },
    ],
    lows: [
      ...state.lows.filter((low) => low.replicas < replicas && inWindow(pool.scaleUp.stabilizationWindowMs)(low)),
      entry,
    ],
  };
}
