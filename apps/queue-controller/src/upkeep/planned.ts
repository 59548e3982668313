import { keepsDeadLetters, type QueueSpec } from '@redis-queue/api';
import { deadLetterQueue, type QueueRef } from '@redis-queue/bullmq';
import { counted } from './duty.ts';

/**
 * What recurring work would do for a queue, in sentences for status.plan. Pure, from the spec alone: of how many jobs that
 * is, nothing is known before the work.
 */
export function plannedUpkeep(ref: QueueRef, spec: QueueSpec): string[] {
  const { dlqPolicy = {}, retention, priorities, priorityPolicy } = spec;
  const movesLetters = keepsDeadLetters(spec);
  return [
    ...(movesLetters ? plannedLetters(ref, dlqPolicy) : []),
    ...(retention ? plannedRetention(retention, movesLetters) : []),
    ...(priorities && priorityPolicy === 'Clamp'
      ? [`give jobs outside priorities ${priorities.join(', ')} a declared one`]
      : []),
  ];
}

function plannedLetters(
  ref: QueueRef,
  { maxRetries = 0, retentionDays }: NonNullable<QueueSpec['dlqPolicy']>,
): string[] {
  const { name } = deadLetterQueue(ref);
  const retries = maxRetries === 0 ? '' : ` after ${maxRetries} ${maxRetries === 1 ? 'retry' : 'retries'}`;
  return [
    `move failed jobs to ${name}${retries}`,
    ...(retentionDays === undefined ? [] : [`remove dead letters older than ${counted(retentionDays, 'day')}`]),
  ];
}

function plannedRetention(
  { completedJobs, failedJobs, maxBytes, maxEvents }: NonNullable<QueueSpec['retention']>,
  movesLetters: boolean,
): string[] {
  const failed = movesLetters ? 'failed jobs that do not become dead letters and are' : 'failed jobs';
  return [
    ...(completedJobs === undefined ? [] : [`remove completed jobs older than ${retainedFor(completedJobs)}`]),
    ...(failedJobs === undefined ? [] : [`remove ${failed} older than ${retainedFor(failedJobs)}`]),
    ...(maxBytes === undefined ? [] : [`remove the oldest finished jobs while the queue uses more than ${maxBytes}`]),
    ...(maxEvents === undefined ? [] : [`remove all events but the last ${maxEvents}`]),
  ];
}

/** 0 counts as a minute. */
function retainedFor(text: string): string {
  return /^0+[hdm]$/.test(text) ? '1m' : text;
}
