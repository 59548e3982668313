import { findCondition, type Problem as KindProblem } from '@redis-queue/controller';
import type { Queue, QueueReason } from '@redis-queue/api';
import {
  CLAIM_TTL_MS,
  listedSchedulers,
  parseOwner,
  parseOwnerMark,
  type ObservedPolicy,
  type OwnerMark,
  type QueueSample,
} from '@redis-queue/bullmq';
import { ownerOf } from './ownership.ts';
import type { ObservedQueue, QueuePlan, QueueStep } from './steps.ts';
import { QueueCondition, type Problem } from './reasons.ts';
import { DATA_FINALIZER, FORCE_DELETE_ANNOTATION } from './resources.ts';
import { ownLetterMark } from './dead-letter-claim.ts';
import { NO_SCHEDULERS, planSchedulers, type SchedulerStep } from './schedulers/plan.ts';
import { planEndOfLetterRemoval, planLetterRemoval } from './dead-letter-removal.ts';

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
/** How long a deleted Queue waits for a Redis that cannot be reached or refuses, as in a namespace that is being deleted. */
export const PATIENCE_MS = 5 * 60_000;

/**
 * How long after it was planned a round of a removal may begin in Redis: longer than a reconcile takes, shorter than
 * somebody needs to see that Redis hangs and to keep the data.
 */
const ROUND_LATENESS_MS = 10_000;

/** Reasons of a deletion that goes on as it should; any other stands in its way. */
const IN_PROGRESS: ReadonlySet<QueueReason> = new Set([
  'Deleting',
  'DeletionDelayed',
  'ActiveJobs',
  'WaitingChildren',
  'OwnershipLost',
]);

/** Redis answers reads and refuses what a removal writes. */
const WRITE_REFUSALS: ReadonlySet<string> = new Set<QueueReason>([
  'RedisNoPermission',
  'RedisReadOnly',
  'RedisOutOfMemory',
  'QueueUnreadable',
  'RedisError',
]);

/** What the condition DeletionBlocked says, whose time tells since when; undefined while nothing is in the way. */
export function describeBlockedDeletion(
  queue: Queue,
  problem: KindProblem<QueueReason> | undefined,
): Problem | undefined {
  if (!queue.metadata.deletionTimestamp || !problem || IN_PROGRESS.has(problem.reason)) return undefined;
  return {
    reason: problem.reason,
    message: `${problem.message}; after 5 minutes of this the object goes and the data stays, at once with deletionPolicy Retain`,
  };
}

/**
 * What a deleted Queue still has to do before its finalizer goes. Only data under this object's own mark is removed:
 * without a mark it was never taken over, or is removed already. The dead-letter queue goes last, by its own mark, so that
 * it is found again whatever was interrupted. Another Queue that claims the data inherits it. Where
 * Redis cannot be reached, or refuses, the data stays: after 5 minutes, so that deleting a namespace never hangs, or at
 * once when somebody says so by deletionPolicy Retain or the annotation of force.
 */
export function planDeletion(queue: Queue, observed: ObservedQueue, now: Date): QueuePlan {
  if (!queue.metadata.finalizers?.includes(DATA_FINALIZER)) return { steps: [] };
  const { problem, policy } = observed;
  const blocked = blockedFor(queue, now);
  if (!policy) return planWithoutRedis(queue, problem, blocked);
  const mark = parseOwnerMark(policy.rawOwnerMark);
  if (mark === undefined) return planLettersAlone(queue, observed, now);
  if (mark === 'unreadable') return letGo('its owner mark is of a later release');
  if (mark.owner !== ownerOf(queue, observed.clusterId)) return letGo(`${mark.owner} governs the queue`);
  if (blocked.byRefusal && blocked.isOver) return letGo(removes(queue) ? blocked.message : RETAINED);
  const stored = { ...(policy.rawOwnerMark !== undefined && { rawOwnerMark: policy.rawOwnerMark }) };
  // The next runs of its own schedulers are jobs too: how many others are left is judged when they are gone.
  const schedulers = ownSchedulers(policy, mark);
  const retained = schedulers.length > 0 ? whyRetainedAnyway(queue, observed) : whyRetained(queue, observed);
  const end = [...planEndOfRemoval(queue, mark, observed.fence), ...planEndOfLetterRemoval(queue, observed)];
  if (retained !== undefined) return { ...letGo(retained, end), ...stored };
  const claimed = isForced(queue) ? undefined : whyClaimed(queue, mark, observed, now);
  if (claimed && claimed.dueMs <= 0) return { ...letGo(claimed.problem.message, end), ...stored };
  if (claimed) return { steps: planYielding(mark, observed.fence), ...stored, ...claimed };
  const delay = whyDelayed(queue, observed, now);
  if (delay) return { steps: [], ...delay };
  if (schedulers.length > 0 && queue.spec.deletionPolicy === 'DeleteIfEmpty')
    return { steps: schedulers, ...stored, problem: SCHEDULERS_FIRST };
  return {
    steps: [
      ...schedulers,
      ...planRemoval(queue, policy, mark, observed),
      ...planLetterRemoval(queue, observed, stopOf(queue)),
      { kind: 'removeFinalizer' },
    ],
    ...stored,
    removesUntilMs: (observed.sample?.redisTimeMs ?? 0) + ROUND_LATENESS_MS,
  };
}

/** The queue itself is removed already, or was lost: what is left are its dead letters, if they are this object's. */
function planLettersAlone(queue: Queue, observed: ObservedQueue, now: Date): QueuePlan {
  if (!ownLetterMark(queue, observed)) return letGo();
  const retained = whyRetained(queue, observed);
  if (retained !== undefined) return letGo(retained, planEndOfLetterRemoval(queue, observed));
  const delay = whyDelayed(queue, observed, now);
  if (delay) return { steps: [], ...delay };
  return {
    steps: [...planLetterRemoval(queue, observed, stopOf(queue)), { kind: 'removeFinalizer' }],
    removesUntilMs: (observed.sample?.redisTimeMs ?? 0) + ROUND_LATENESS_MS,
  };
}

/** Which jobs a removal leaves. */
function stopOf(queue: Queue): 'unfinished' | 'busy' | 'nothing' {
  if (queue.spec.deletionPolicy === 'DeleteIfEmpty') return 'unfinished';
  return isForced(queue) ? 'nothing' : 'busy';
}

/** Jobs that still have to run, or failed and may be wanted; completed ones do not make a queue non-empty. */
export function unfinishedJobs(sample: QueueSample): number {
  const { waiting, prioritized, active, delayed, failed, waitingChildren, legacyPaused } = sample;
  return waiting + prioritized + active + delayed + failed + waitingChildren + legacyPaused;
}

/** Since when Redis cannot be reached or refuses, as the condition remembers it across restarts. */
interface Blocked {
  /** Until the deletion is given up. */
  readonly leftMs: number;
  /** It is given up now: it has lasted for long enough, or somebody wants it. */
  readonly isOver: boolean;
  /** Redis can be read. */
  readonly byRefusal: boolean;
  readonly message: string;
}

function blockedFor(queue: Queue, now: Date): Blocked {
  const found = findCondition(queue.status?.conditions, QueueCondition.DeletionBlocked);
  const sinceMs = found ? now.getTime() - Date.parse(found.lastTransitionTime) : 0;
  return {
    leftMs: Math.max(0, PATIENCE_MS - sinceMs),
    isOver: sinceMs >= PATIENCE_MS || isForced(queue) || !removes(queue),
    byRefusal: found !== undefined && WRITE_REFUSALS.has(found.reason),
    message: findCondition(queue.status?.conditions, 'Ready')?.message ?? 'Redis refuses',
  };
}

function planWithoutRedis(queue: Queue, problem: Problem | undefined, { isOver, leftMs }: Blocked): QueuePlan {
  if (isOver) return letGo(removes(queue) ? (problem?.message ?? 'Redis could not be read') : RETAINED);
  return { steps: [], dueMs: leftMs, ...(problem && { problem }) };
}

const RETAINED = 'deletionPolicy is Retain';

const SCHEDULERS_FIRST: Problem = {
  reason: 'Deleting',
  message: 'deletionPolicy is DeleteIfEmpty: the job schedulers of this Queue are removed, then its jobs are counted',
};

/** What would add jobs for ever, with nobody to remove it, once the object is gone. */
function ownSchedulers({ schedulerList }: ObservedPolicy, { owner }: OwnerMark): SchedulerStep[] {
  return planSchedulers(NO_SCHEDULERS, listedSchedulers(schedulerList, owner), owner);
}

/** Why the data stays, whatever is left of it. */
function whyRetainedAnyway(queue: Queue, { claimants }: ObservedQueue): string | undefined {
  if (!removes(queue)) return RETAINED;
  const heir = isForced(queue) ? undefined : claimants.find(({ login }) => login === 'accepted');
  return heir && `Queue ${heir.namespace}/${heir.name} claims the queue and inherits its data`;
}

function whyRetained(queue: Queue, observed: ObservedQueue): string | undefined {
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

/** Why the data is not removed yet, and when to plan again. */
interface Delay {
  readonly problem: Problem;
  readonly dueMs: number;
}

const WAYS_OUT = `set deletionPolicy to Retain to keep it, or annotate ${FORCE_DELETE_ANNOTATION}=true to remove it now`;

function whyDelayed(queue: Queue, { claimants, deletionKnownMs }: ObservedQueue, now: Date): Delay | undefined {
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
 * What is left of a wait that began with the deletion, in ms: by the API server's clock, and by our own, so that a node
 * whose clock is ahead waits as long as any other.
 */
function leftOf(waitMs: number, { metadata }: Queue, deletionKnownMs: number | undefined, now: Date): number {
  const byDateMs = Date.parse(metadata.deletionTimestamp!) + waitMs - now.getTime();
  return Math.max(byDateMs, waitMs - WHOLE_SECOND_MS - (deletionKnownMs ?? Number.POSITIVE_INFINITY));
}

/**
 * Before anything is removed, the mark is made unique to this removal; before the queue is paused, the mark says whose
 * pause that is. An empty queue need not be paused.
 */
function planRemoval(
  queue: Queue,
  policy: ObservedPolicy,
  mark: OwnerMark,
  { fence, deadClaims, hasWorkers }: ObservedQueue,
): QueueStep[] {
  const isEmpty = queue.spec.deletionPolicy === 'DeleteIfEmpty';
  const pauses = !isEmpty && !policy.paused;
  const paused = pauses || (mark.removal?.paused ?? false);
  const isMarked = mark.removal?.fence === fence && mark.removal.paused === paused;
  return [
    ...(isMarked ? [] : [{ kind: 'beginRemoval' as const, mark: { ...mark, removal: { fence, paused } } }]),
    ...(pauses ? [{ kind: 'pause' as const }] : []),
    {
      kind: 'obliterate',
      stopAt: stopOf(queue),
      ...(!isForced(queue) && { owner: mark.owner }),
      ...(deadClaims && { ignoredClaims: deadClaims }),
      ...(hasWorkers && { hasWorkers }),
    },
  ];
}

/**
 * Who would inherit and has said so in Redis, where a Queue of another release says it: its claim stands for minutes and
 * ends by itself, should its object be gone.
 *
 * @returns with a `dueMs` of 0 or less when it was waited for long enough.
 */
function whyClaimed(
  queue: Queue,
  { owner }: OwnerMark,
  { policy, deadClaims = [], deletionKnownMs }: ObservedQueue,
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

/** Tells who may not read this object that it removes the queue, unless somebody takes it over. */
function planYielding(mark: OwnerMark, fence: string): QueueStep[] {
  return mark.removal ? [] : [{ kind: 'beginRemoval', mark: { ...mark, removal: { fence, paused: false } } }];
}

/**
 * The data stays after all. Before the queue is resumed, the mark becomes another one: a round or a pause of the removal
 * that is still under way, perhaps of a former leader, finds that one. Until it is resumed, the mark says that it has to be.
 */
function planEndOfRemoval(queue: Queue, { removal, ...mark }: OwnerMark, fence: string): QueueStep[] {
  if (!removal) return [];
  const end: QueueStep = { kind: 'endRemoval', mark };
  // Also a queue that was not paused when it was read: its pause may be under way.
  if (!removal.paused || queue.spec.paused === true) return [end];
  const ending = { fence: `${fence}:ending`, paused: true };
  const isMarked = removal.fence === ending.fence;
  return [
    ...(isMarked ? [] : [{ kind: 'endRemoval' as const, mark: { ...mark, removal: ending } }]),
    { kind: 'resume' },
    end,
  ];
}

function removes({ spec: { deletionPolicy } }: Queue): boolean {
  return deletionPolicy === 'Delete' || deletionPolicy === 'DeleteIfEmpty';
}

function isForced(queue: Queue): boolean {
  return queue.metadata.annotations?.[FORCE_DELETE_ANNOTATION] === 'true';
}

/** @param dataRetained why the data stays; absent: there is none of ours. */
function letGo(dataRetained?: string, before: readonly QueueStep[] = []): QueuePlan {
  const last = { kind: 'removeFinalizer' as const, ...(dataRetained !== undefined && { dataRetained }) };
  return { steps: [...before, last] };
}
