import type { Queue, QueueReason } from '@redis-queue/api';
import { CLAIM_TTL_MS, parseOwner, type OwnerMark } from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import { FORCE_DELETE_ANNOTATION, isForced } from './policy.ts';
import type { ObservedDeletion } from './steps.ts';

// What a deletion waits for before any data is removed: that another Queue may claim and inherit it.

const WHOLE_SECOND_MS = 1_000;
/**
 * How long after its deletion a Queue with the policy Delete waits for another Queue to claim the data, so that GitOps may
 * move a Queue in any order. Deletion times count whole seconds, hence the one more.
 */
export const INHERITANCE_MS = 60_000 + WHOLE_SECOND_MS;
/**
 * How long a deleted Queue waits for who has a claim in Redis. A claim that stands then was renewed since the deletion, by
 * somebody who does not take the queue over; or by whoever may write to it, for ever.
 */
const CLAIMED_MS = CLAIM_TTL_MS + WHOLE_SECOND_MS;
/**
 * How long after its deletion a Queue waits, whatever its policy, for one that claims the data and whose credentials
 * could not be tried: for a few tries. Who could once log in has left a claim in Redis and is waited for by that.
 */
const UNDECIDED_MS = 10_000 + WHOLE_SECOND_MS;

/** Why the data is not removed yet, and when to plan again. */
export interface Delay {
  readonly problem: Problem<QueueReason>;
  readonly dueMs: number;
}

const WAYS_OUT = `set deletionPolicy to Retain to keep it, or annotate ${FORCE_DELETE_ANNOTATION}=true to remove it now`;

/** Why the data is not removed yet, whoever claims it in Redis; undefined where the time for that is over. */
export function whyDelayed(
  queue: Queue,
  { claimants, deletionKnownMs }: ObservedDeletion,
  now: Date,
): Delay | undefined {
  if (isForced(queue)) return undefined;
  const undecided = claimants.find(({ login }) => login === 'unknown');
  const inheritanceMs = queue.spec.deletionPolicy === 'Delete' ? INHERITANCE_MS : 0;
  const waitMs = Math.max(inheritanceMs, undecided ? UNDECIDED_MS : 0);
  const dueMs = leftOf(waitMs, queue, deletionKnownMs, now);
  if (dueMs <= 0) return undefined;
  const dueAtS = Math.ceil((now.getTime() + dueMs) / 1_000);
  const at = new Date(dueAtS * 1_000).toISOString().replace('.000', '');
  const why = undecided
    ? `whether Redis accepts the credentials of Queue ${undecided.namespace}/${undecided.name}, which names the queue too, is not known; the data is removed at ${at} unless it does`
    : `the data is removed at ${at} unless another Queue claims it before`;
  return { problem: { reason: 'DeletionDelayed', message: `${why}; ${WAYS_OUT}` }, dueMs };
}

/**
 * Who would inherit and has said so in Redis, where a Queue of another release says it: its claim stands for minutes and
 * ends by itself, should its object be gone.
 *
 * @returns with a `dueMs` of 0 or less when it was waited for long enough.
 */
export function whyClaimed(
  queue: Queue,
  { owner }: OwnerMark,
  { policy, deadClaims = [], deletionKnownMs }: ObservedDeletion,
  now: Date,
): Delay | undefined {
  const others = (policy?.claims ?? []).filter((claim) => claim.owner !== owner && !deadClaims.includes(claim.stored));
  const [last] = others.toSorted((a, b) => b.leftMs - a.leftMs);
  if (!last) return undefined;
  const { namespace, name } = parseOwner(last.owner) ?? { namespace: '', name: last.owner };
  const leftMs = leftOf(CLAIMED_MS, queue, deletionKnownMs, now);
  const claims = `Queue ${namespace}/${name} claims the queue`;
  const message =
    leftMs > 0
      ? `${claims} and inherits its data when it takes it over; should it be gone, the data is removed a few minutes after its last sign, and stays if it claims the queue ten minutes after the deletion; ${WAYS_OUT}`
      : `${claims} ten minutes after the deletion and has not taken it over`;
  return { problem: { reason: 'DeletionDelayed', message }, dueMs: Math.min(last.leftMs, leftMs) };
}

/**
 * What is left of a wait that began with the deletion, in ms: by the API server's clock, and by our own, so that a node
 * whose clock is ahead waits as long as any other.
 */
function leftOf(waitMs: number, { metadata }: Queue, deletionKnownMs: number | undefined, now: Date): number {
  const byDateMs = Date.parse(metadata.deletionTimestamp!) + waitMs - now.getTime();
  return Math.max(byDateMs, waitMs - WHOLE_SECOND_MS - (deletionKnownMs ?? Number.POSITIVE_INFINITY));
}
