import type { QueueRedrive } from '@redis-queue/api';
import { compileFilter, type CompiledFilter } from '@redis-queue/bullmq';
import { keyOf, type ObjectKey, type Resource } from '@redis-queue/controller';

/** A QueueRedrive as caches and the API server give it. */
export type RedriveObject = QueueRedrive & Resource;

/** Whether it has ended, complete or failed: its time of completion says so, and is never taken back. */
export function hasEnded({ status }: QueueRedrive): boolean {
  return status?.completionTime !== undefined;
}

/** The Queue whose dead letters it is about. */
export function queueKeyOf({ metadata, spec }: RedriveObject): ObjectKey {
  return { ...keyOf({ metadata }), name: spec.queueRef.name };
}

/** @returns what the spec asks for, whenever it was created; or what is wrong with it, in words. */
export function filterOf({ spec }: QueueRedrive): CompiledFilter | { readonly problem: string } {
  const { jobName, failedReason, failedAfter, failedBefore, data } = spec.filter ?? {};
  const [fromMs, beforeMs] = [failedAfter, failedBefore].map((text) =>
    text === undefined ? undefined : Date.parse(text),
  );
  if (Number.isNaN(fromMs)) return { problem: `failedAfter ${failedAfter} is not a time` };
  if (Number.isNaN(beforeMs)) return { problem: `failedBefore ${failedBefore} is not a time` };
  return compileFilter({
    ...(jobName !== undefined && { names: [jobName] }),
    ...(failedReason !== undefined && { failedReason }),
    ...(fromMs !== undefined && { fromMs }),
    ...(beforeMs !== undefined && { toMs: beforeMs - 1 }),
    ...(data && { data }),
  });
}

/**
 * When the object was created, by Redis' clock: what failed later is not taken, so that it ends. The API server's time of
 * creation has whole seconds; all of that second counts, so that who saw a dead letter and creates a redrive gets it.
 */
export function createdByRedisClock({ metadata }: QueueRedrive, redisTimeMs: number, now: Date): number {
  const createdMs = Date.parse(metadata.creationTimestamp ?? '') + 999;
  const ageMs = now.getTime() - createdMs;
  return Math.floor(redisTimeMs - (ageMs > 0 ? ageMs : 0));
}
