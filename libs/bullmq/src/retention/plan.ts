import type { Milliseconds } from '@redis-queue/api';
import type { RetentionLimits } from './limits.ts';
import type { SizeEstimate } from './size-estimate.ts';

export type FinishedState = 'completed' | 'failed';

/** Of the jobs that completed, or of those that failed. */
export interface FinishedJobs {
  readonly count: number;
  /** When the oldest of them finished, Unix ms; absent: there is none. */
  readonly oldestMs?: number;
}

/** What a queue has of all that retention limits. */
export interface Finished {
  /** Unix ms, by Redis' clock. */
  readonly redisTimeMs: number;
  readonly completed: FinishedJobs;
  readonly failed: FinishedJobs;
  /** Length of the stream of events. */
  readonly events: number;
  /** What BullMQ shortens that stream to; absent: its default. */
  readonly maxLenEvents?: number;
}

/**
 * - `removeOld`: jobs of a state that finished longer ago than `olderThanMs`.
 * - `free`: the oldest jobs of a state, until `bytes` are freed.
 * - `trimEvents`: what is over `maxEvents` of the stream.
 */
export type RetentionTask =
  RemoveOld | { readonly kind: 'free'; readonly state: FinishedState; readonly bytes: number } | TrimEvents;

export interface TrimEvents {
  readonly kind: 'trimEvents';
  readonly maxEvents: number;
}

interface RemoveOld {
  readonly kind: 'removeOld';
  readonly state: FinishedState;
  readonly olderThanMs: Milliseconds;
}

/** What is to be removed for its age or its number. */
export interface AgePlan {
  /** In the order to be done. */
  readonly tasks: readonly RetentionTask[];
  /** How long the oldest job to be removed is over its time. 0: none is, or it is a failed one that may be left. */
  readonly lateMs: Milliseconds;
}

/** What is to be removed for its bytes. */
export interface SizePlan {
  /** In the order to be done. */
  readonly tasks: readonly RetentionTask[];
  /** Bytes over the limit that no finished job holds. */
  readonly unfinishedOverBytes: number;
}

/** Redis shortens a stream by whole nodes of 100 entries. */
export const EVENTS_PER_NODE = 100;

/** What a queue has that is too old, or an event too many. Pure: no clock, no I/O. */
export function planAges(limits: RetentionLimits, finished: Finished): AgePlan {
  const old = (['completed', 'failed'] as const).flatMap((state) => removeOld(limits, finished, state));
  return {
    tasks: [...trimEvents(limits, finished), ...old.map(({ task }) => task)],
    // Those that are left to somebody else do not make it late.
    lateMs: Math.max(
      0,
      ...old.map(({ task: { state }, lateMs }) => (limits.leavesDeadLetters && state === 'failed' ? 0 : lateMs)),
    ),
  };
}

/**
 * What has to go so that a queue of which nothing is too old holds `maxBytes`. Pure.
 *
 * Completed jobs go before failed ones. An estimate within its error of the limit removes nothing: else each that happens
 * to be too large would remove some, and soon far less would be kept than the limit says.
 */
export function planSize({ maxBytes }: RetentionLimits, size: SizeEstimate): SizePlan {
  const over = size.bytes - (maxBytes ?? Number.POSITIVE_INFINITY);
  if (over <= size.standardError) return { tasks: [], unfinishedOverBytes: 0 };
  const completed = Math.ceil(Math.min(over, size.completedBytes));
  const failed = Math.ceil(Math.min(over - completed, size.failedBytes));
  return {
    tasks: [
      ...(completed > 0 ? [{ kind: 'free', state: 'completed', bytes: completed } as const] : []),
      ...(failed > 0 ? [{ kind: 'free', state: 'failed', bytes: failed } as const] : []),
    ],
    unfinishedOverBytes: Math.max(0, Math.ceil(over - completed - failed)),
  };
}

function removeOld(
  { completedMs, failedMs }: RetentionLimits,
  finished: Finished,
  state: FinishedState,
): { task: RemoveOld; lateMs: Milliseconds }[] {
  const olderThanMs = state === 'completed' ? completedMs : failedMs;
  const { oldestMs } = finished[state];
  if (olderThanMs === undefined || oldestMs === undefined) return [];
  const lateMs = finished.redisTimeMs - olderThanMs - oldestMs;
  return lateMs < 0 ? [] : [{ task: { kind: 'removeOld', state, olderThanMs }, lateMs }];
}

/** Every producer that starts sets BullMQ's own length again; it is set back once per round, not at every change. */
function trimEvents({ maxEvents }: RetentionLimits, { events, maxLenEvents }: Finished): RetentionTask[] {
  if (maxEvents === undefined) return [];
  const isTooLong = events > maxEvents + EVENTS_PER_NODE;
  return isTooLong || maxLenEvents !== maxEvents ? [{ kind: 'trimEvents', maxEvents }] : [];
}
