import { isDeepStrictEqual } from 'node:util';
import { COMMON_REASONS, type Condition, type ScalingSignal, type WorkerPoolStatus } from '@redis-queue/api';
import { parseFence } from '@redis-queue/scaling-bus';
import { PoolCondition } from '../kubernetes/reasons.ts';

/** How much the newer status has to say, from the least to the most. */
export type StatusNews =
  /** Nothing, or only what moves all the time by less than anybody needs to know. */
  | 'none'
  /** Numbers that moved: worth a write now and then. */
  | 'numbers'
  /**
   * Whether and why scaling is held or limited, that some pods came or went of many, and how long pods take to start:
   * worth a write within seconds, but not at each turn.
   */
  | 'holds'
  /** The rest: written at once. */
  | 'news';

/** The least time between two writes of a pool's status that say no more than this. */
export const WRITTEN_EVERY_MS = { holds: 10_000, numbers: 60_000 } as const;

/** A number that moved by less is not reported. */
const NOTABLE_CHANGE = 0.1;
/** The same of an interval from 0 to 1. */
const NOTABLE_CONFIDENCE = 0.1;
/** What moves with the autoscaler's decisions; what else degrades a pool is news by a condition of its own. */
const SCALING: ReadonlySet<string> = new Set([
  PoolCondition.Degraded,
  PoolCondition.ScalingActive,
  PoolCondition.AbleToScale,
  PoolCondition.ScalingLimited,
]);

export function compareStatus(before: WorkerPoolStatus | undefined, after: WorkerPoolStatus): StatusNews {
  if (isDeepStrictEqual(sorted(before), sorted(after))) return 'none';
  const few = fewPodsMoved(before, after);
  if (!isDeepStrictEqual(quiet(sorted(before), few), quiet(sorted(after), few))) return 'news';
  if (!isDeepStrictEqual(holds(before), holds(after))) return 'holds';
  return numbersMoved(before, after) ? 'numbers' : 'none';
}

function sorted(status: WorkerPoolStatus | undefined): WorkerPoolStatus {
  const list = status?.conditions?.toSorted((a, b) => a.type.localeCompare(b.type));
  return { ...status, ...(list && { conditions: list }) };
}

function podCounts(status: WorkerPoolStatus | undefined): (number | undefined)[] {
  return [status?.replicas, status?.readyReplicas, status?.rollout?.updatedReplicas];
}

/** Whether the numbers of pods moved, and each by less than a tenth. */
function fewPodsMoved(before: WorkerPoolStatus | undefined, after: WorkerPoolStatus): boolean {
  const now = podCounts(after);
  const old = podCounts(before);
  return !isDeepStrictEqual(old, now) && !old.some((count, index) => moved(count, now[index]));
}

/** The status without what moves all the time. @param withoutCounts without the numbers of pods, in messages too */
function quiet(status: WorkerPoolStatus, withoutCounts: boolean): object {
  const {
    autoscaling,
    rollout,
    blockedReplicas,
    podStartSeconds: _,
    conditions,
    replicas,
    readyReplicas,
    ...rest
  } = status;
  const list = conditions?.filter(({ type }) => !SCALING.has(type));
  return {
    ...rest,
    ...(!withoutCounts && { replicas, readyReplicas }),
    conditions: list?.map(({ message, type, ...condition }) => ({
      type,
      ...condition,
      // While pods are blocked, messages move with every restart, and this one with every kill.
      ...(!blockedReplicas &&
        type !== PoolCondition.PodsKilled && {
          message: withoutCounts || type === PoolCondition.QueueNotConsumed ? wording(message) : message,
        }),
    })),
    scaling: conditions?.filter(({ type }) => SCALING.has(type)).map(unmoving),
    autoscaling: autoscaling && [autoscaling.desired, autoscaling.last],
    rollout: rollout && [rollout.version, rollout.phase, rollout.startedAt],
    blockedReplicas: blockedReplicas && Object.keys(blockedReplicas).toSorted(),
  };
}

/** Of a condition of scaling, what no hold changes, and that a size could not be written. */
function unmoving({ type, reason, observedGeneration }: Condition): unknown[] {
  const byPeople = type === PoolCondition.ScalingActive && BY_PEOPLE.has(reason);
  const refused = type === PoolCondition.AbleToScale && Object.hasOwn(COMMON_REASONS, reason);
  return [type, observedGeneration, byPeople || refused ? reason : ''];
}

/** Reasons of ScalingActive that come from what somebody did, not from what the autoscaler measured. */
const BY_PEOPLE: ReadonlySet<string> = new Set(['Disabled', 'UnknownDecisionVersion', 'ReplicasContested']);
/**
 * Those whose sentence says what to do, and holds no number that moves: another sentence is written too. What becomes of
 * the bus is news of all pools at once, so it waits for its turn.
 */
const SENTENCE_COUNTS: ReadonlySet<string> = new Set([...BY_PEOPLE, 'WaitingForDecision', 'BusUnavailable']);

function holds(status: WorkerPoolStatus | undefined): unknown {
  const scaling = status?.conditions?.filter(({ type }) => SCALING.has(type)) ?? [];
  return [
    status?.replicas,
    status?.readyReplicas,
    status?.podStartSeconds,
    status?.autoscaling?.heldBy,
    // A new autoscaler's epoch: the next one begins above all that statuses report.
    parseFence(status?.autoscaling?.decision)?.epoch,
    ...scaling
      .map(({ type, status: value, reason, message }) => {
        const sentence = type === PoolCondition.ScalingActive && SENTENCE_COUNTS.has(reason) ? message : '';
        return `${type} ${value} ${reason} ${sentence}`;
      })
      .toSorted(),
  ];
}

function numbersMoved(before: WorkerPoolStatus | undefined, after: WorkerPoolStatus): boolean {
  if (!isDeepStrictEqual(restOf(before), restOf(after))) return true;
  const [old, now] = [before?.autoscaling, after.autoscaling];
  if (Math.abs((old?.confidence ?? 0) - (now?.confidence ?? 0)) >= NOTABLE_CONFIDENCE) return true;
  return wording(old?.reason) !== wording(now?.reason) || signalsMoved(old?.signals ?? [], now?.signals ?? []);
}

/** What differs for other reasons than a decision's numbers: restarts of blocked pods, a rollout's progress, advice. */
function restOf(status: WorkerPoolStatus | undefined): object {
  const { autoscaling, conditions, ...rest } = status ?? {};
  const {
    reason: _reason,
    signals: _signals,
    confidence: _confidence,
    sampledAt: _sampledAt,
    cooldownUntil: _cooldownUntil,
    decision: _decision,
    ...scaling
  } = autoscaling ?? {};
  const list = conditions?.filter(({ type }) => !SCALING.has(type)).toSorted((a, b) => a.type.localeCompare(b.type));
  return { ...rest, conditions: list, scaling };
}

/** A sentence without its numbers. */
function wording(reason: string | undefined): string {
  return (reason ?? '').replaceAll(/[0-9][0-9.,]*( (ms|s|min)\b)?/g, '#');
}

function signalsMoved(before: readonly ScalingSignal[], after: readonly ScalingSignal[]): boolean {
  if (before.length !== after.length) return true;
  return after.some((signal, index) => {
    const { queue, ...numbers } = signal;
    const { queue: oldQueue, ...old } = before[index]!;
    const fields = new Set([...Object.keys(numbers), ...Object.keys(old)]) as Set<keyof typeof numbers>;
    return queue !== oldQueue || [...fields].some((field) => moved(old[field], numbers[field]));
  });
}

function moved(before: number | undefined, now: number | undefined): boolean {
  if (before === now) return false;
  if (before === undefined || now === undefined || before === 0 || now === 0) return true;
  return Math.abs(now - before) >= NOTABLE_CHANGE * Math.abs(before);
}
