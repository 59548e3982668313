import type { ApiWrite } from '@redis-queue/rig';
import { DECISION_ANNOTATION } from '@redis-queue/scaling-bus';

/** A write that a replica began. */
export interface Begun {
  /** By the clock of its process, in ms since 1970. */
  readonly atMs: number;
  readonly what: string;
}

/** What became of one change of leaders. */
export interface Takeover {
  /** Until when the former leader might begin writes: its renew deadline after its last renewal. */
  readonly deadlineMs: number;
  /** When its successor took the Lease. */
  readonly takenMs: number;
  /** What the former leader began to write, from before its deadline until long after. */
  readonly begun: readonly Begun[];
}

export interface Verdict {
  /** Writes that were begun after the deadline. */
  readonly late: readonly Begun[];
  /** The last write, from the deadline; negative when it was begun before. */
  readonly lastMs: number;
  /** For how long both wrote. */
  readonly overlapMs: number;
}

/**
 * For what a machine that is busy with twenty processes may let pass between a look at the clock and the system call after
 * it. From the deadline to the end of the Lease there are five seconds.
 */
const TOLERANCE_MS = 50;

/** Whether a former leader kept its deadline. Pure. */
export function judgeTakeover({ deadlineMs, takenMs, begun }: Takeover): Verdict {
  const last = Math.max(...begun.map(({ atMs }) => atMs), Number.NEGATIVE_INFINITY);
  return {
    late: begun.filter(({ atMs }) => atMs > deadlineMs + TOLERANCE_MS),
    lastMs: last - deadlineMs,
    overlapMs: Math.max(0, last - takenMs),
  };
}

/**
 * Whether a write that arrives late, when others have written since, changes nothing: it carries the version of the object
 * that it is about, creates one that must not be there, or says of a Deployment that nobody has sized it yet.
 */
export function isFenced({ verb, resource, fieldManager, body: { metadata = {} } }: ApiWrite): boolean {
  if (verb === 'create' || metadata.resourceVersion !== undefined) return true;
  const creates = verb === 'apply' && resource === 'deployments' && fieldManager === 'redis-queue';
  return creates && metadata.annotations?.[DECISION_ANNOTATION] === 'none';
}
