import type { QueueReason, QueueSpec } from '@redis-queue/api';
import type { QueueSample } from '@redis-queue/bullmq';
import type { Notice, Problem } from '@redis-queue/controller';
import { unsettledJobs } from './empty-times.ts';

/** For so long no job waits, runs or is delayed in a queue that is drained. */
export const DRAINED_AFTER_MS = 60_000;
/** How often a retired queue is sampled while it has jobs: each sample with other numbers is a write. */
const SAMPLE_EVERY_MS = 30_000;
/** How often one that is drained is: jobs that come all the same are said. */
const SAMPLE_DRAINED_EVERY_MS = 60_000;
/** The first sample after the schedulers were removed. */
const SAMPLE_AGAIN_MS = 1_000;

export interface DrainFacts {
  readonly spec: QueueSpec;
  /** Absent: it could not be read. */
  readonly sample?: QueueSample | undefined;
  /** Absent: it is not empty. */
  readonly emptyForMs?: number | undefined;
  readonly problem?: Problem<QueueReason> | undefined;
  /** Job schedulers that were still there when the sample was taken, and are removed in the same reconcile. */
  readonly removed?: number | undefined;
}

/** Whether a retired queue may go, and what is left in it; undefined for one that is not retired. Pure. */
export function drained({ spec, sample, emptyForMs, problem, removed }: DrainFacts): Notice<QueueReason> {
  if (spec.retire !== true) return undefined;
  if (!sample) {
    const { reason, message } = problem ?? { reason: 'Pending', message: 'the queue has not been sampled' };
    return { status: 'Unknown', reason, message };
  }
  if (emptyForMs === undefined) return { status: 'False', reason: 'Draining', message: leftIn(sample, spec, removed) };
  if (emptyForMs < DRAINED_AFTER_MS) {
    const message = 'no job waits, runs or is delayed; the queue is drained once that has lasted for 60 s';
    return { status: 'False', reason: 'Draining', message };
  }
  return { reason: 'Empty', message: 'no job has waited, run or been delayed for 60 s' };
}

/** After how many ms the queue has to be sampled again; undefined: it is not retired, or cannot be read. */
export function drainDueMs({ spec, sample, emptyForMs, removed = 0 }: DrainFacts): number | undefined {
  if (spec.retire !== true || !sample) return undefined;
  if (removed > 0) return SAMPLE_AGAIN_MS;
  if (emptyForMs === undefined) return SAMPLE_EVERY_MS;
  return emptyForMs < DRAINED_AFTER_MS ? DRAINED_AFTER_MS - emptyForMs : SAMPLE_DRAINED_EVERY_MS;
}

function leftIn(sample: QueueSample, spec: QueueSpec, removed = 0): string {
  const { waiting, prioritized, active, delayed, waitingChildren, legacyPaused, paused, schedulers = 0 } = sample;
  const strangers = schedulers - removed;
  const failed = unsettledJobs(sample, spec);
  const left = [
    `jobs left: ${waiting + prioritized + legacyPaused} waiting, ${active} running, ${delayed} delayed`,
    ...(failed > 0
      ? [`failed jobs: ${failed}, which dlqPolicy runs again or moves, but for those that FailedJobsLeft names`]
      : []),
    ...(waitingChildren > 0 ? [`flow parents that wait for their children: ${waitingChildren}`] : []),
    ...(strangers > 0 ? [`job schedulers that this Queue has not declared, and that add more: ${strangers}`] : []),
    ...(paused ? ['the queue is paused, so no job starts'] : []),
  ];
  return left.join('; ');
}
