import type { Queue } from '@redis-queue/api';
import type { QueueSample } from '@redis-queue/bullmq';
import { ownLetterMark } from '../ownership/dead-letter-claim.ts';
import { isForced, removes } from './policy.ts';
import type { ObservedDeletion } from './steps.ts';

// Why the data of a deleted Queue stays.

/** Why the data stays where it does not go with the object. */
export function whyNotRemoved({ spec: { adoptionPolicy } }: Queue): string {
  return adoptionPolicy === 'Observe' ? 'adoptionPolicy is Observe' : 'deletionPolicy is Retain';
}

/** Why the data stays, whatever is left of it. */
export function whyRetainedAnyway(queue: Queue, { claimants }: ObservedDeletion): string | undefined {
  if (!removes(queue)) return whyNotRemoved(queue);
  const heir = isForced(queue) ? undefined : claimants.find(({ login }) => login === 'accepted');
  return heir && `Queue ${heir.namespace}/${heir.name} claims the queue and inherits its data`;
}

/** The same, with what is left of it. */
export function whyRetained(queue: Queue, observed: ObservedDeletion): string | undefined {
  const { sample, deadLetters } = observed;
  const anyway = whyRetainedAnyway(queue, observed);
  if (anyway !== undefined) return anyway;
  if (queue.spec.deletionPolicy !== 'DeleteIfEmpty') return undefined;
  const letters = ownLetterMark(queue, observed) ? deadLetters?.sample : undefined;
  const dead = letters ? unfinishedJobs(letters) : 0;
  const left = sample && unfinishedJobs(sample) + dead;
  if (left === 0) return undefined;
  const ofThem = dead > 0 ? `, ${dead} of them dead letters` : '';
  return `deletionPolicy is DeleteIfEmpty and ${left ?? 'an unknown number of'} jobs are left${ofThem}`;
}

/**
 * Why nothing of it is found: its Secret leads to another Redis than the one that it was last held true in. Whoever has
 * seen the other Redis, and has not taken the queue over there, has left that one too.
 */
export function whyElsewhere({ status }: Queue, { redisAddress }: ObservedDeletion): string | undefined {
  const { adoptedAt, effective, formerRedis } = status ?? {};
  const left = adoptedAt === undefined ? formerRedis?.at(-1)?.address : undefined;
  const former = left ?? effective?.redisAddress;
  if (former === undefined || redisAddress === undefined || former === redisAddress) return undefined;
  return `it lies in ${former}, and the Secret has led to ${redisAddress} since; its settings and job schedulers are there too`;
}

/**
 * Why jobs of a queue that was this Queue's stay without its mark: a failover or a backup has brought them back, or
 * they were added since.
 */
export function whyUnmarked(queue: Queue, { sample }: ObservedDeletion): string | undefined {
  const jobs = sample ? unfinishedJobs(sample) + sample.completed : 0;
  if (!removes(queue) || queue.status?.adoptedAt === undefined || jobs === 0) return undefined;
  return `its owner mark is gone from Redis, so that the ${jobs} jobs there belong to no object`;
}

/**
 * What a removal that was begun has left, as the rest of a sentence: it pauses the queue, and a Queue that goes before
 * Redis can be reached again ends no pause.
 */
export function howItIsLeft({ spec, status }: Queue): string {
  const isPaused = status?.effective?.paused === true && spec.paused !== true;
  return isPaused ? '; the queue was paused when it was read last: resume it by BullMQ, or no job of it starts' : '';
}

/** Jobs that still have to run, or failed and may be wanted; completed ones do not make a queue non-empty. */
function unfinishedJobs(sample: QueueSample): number {
  const { waiting, prioritized, active, delayed, failed, waitingChildren, legacyPaused } = sample;
  return waiting + prioritized + active + delayed + failed + waitingChildren + legacyPaused;
}
