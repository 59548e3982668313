import { keepsDeadLetters, parseDuration, quantityValue, type Milliseconds, type QueueSpec } from '@redis-queue/api';

/** What is kept of a queue's finished jobs and events. What is absent is not managed. */
export interface RetentionLimits {
  readonly completedMs?: Milliseconds;
  readonly failedMs?: Milliseconds;
  /** Memory of the whole queue, as Redis counts it. */
  readonly maxBytes?: number;
  readonly maxEvents?: number;
  /** Failed jobs that may become dead letters are left to the one who moves them. */
  readonly leavesDeadLetters: boolean;
}

/**
 * The shortest that finished jobs are kept for, whatever is asked: waits, service times and rates are read from the jobs
 * that finished within the last minute.
 */
export const SHORTEST_MS: Milliseconds = 60_000;

/** The limits that a Queue's spec asks for; undefined when it asks for none. */
export function retentionLimits(spec: QueueSpec): RetentionLimits | undefined {
  const { retention } = spec;
  if (retention === undefined) return undefined;
  const { completedJobs, failedJobs, maxBytes, maxEvents } = retention;
  const bytes = quantityValue(maxBytes);
  const limits = {
    ...(completedJobs !== undefined && { completedMs: timeToKeep(completedJobs) }),
    ...(failedJobs !== undefined && { failedMs: timeToKeep(failedJobs) }),
    ...(bytes !== undefined && { maxBytes: bytes }),
    ...(maxEvents !== undefined && { maxEvents }),
  };
  if (Object.keys(limits).length === 0) return undefined;
  return { ...limits, leavesDeadLetters: keepsDeadLetters(spec) };
}

function timeToKeep(text: string): Milliseconds {
  return Math.max(parseDuration(text), SHORTEST_MS);
}
