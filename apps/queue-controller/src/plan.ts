import { keepsDeadLetters, type Queue } from '@redis-queue/api';
import {
  CLAIM_TTL_MS,
  effectiveRateLimit,
  formatOwnerMark,
  listedSchedulers,
  MANAGED_FIELDS,
  type ManagedField,
  type ObservedPolicy,
  type OwnerMark,
  type ServerInfo,
} from '@redis-queue/bullmq';
import { planDeletion } from './deletion/plan.ts';
import { adoptionTime, isOlderThanMove } from './former-redis/moves.ts';
import { decideOwnership, ownerOf, type Ownership } from './ownership/ownership.ts';
import { ownLetterMark, planDeadLetters } from './ownership/dead-letter-claim.ts';
import type { Problem } from './reasons.ts';
import { planRestoreEnds, type EndRestoreStep } from './restores/held.ts';
import { DATA_FINALIZER } from './deletion/policy.ts';
import { describeProblems } from './schedulers/declared.ts';
import { NO_SCHEDULERS, planSchedulers } from './schedulers/plan.ts';
import type { ObservedQueue, QueueStep, QueuePlan } from './steps.ts';

/**
 * What has to change for `queue` to hold in Redis. Pure: no clock, no I/O.
 *
 * Order matters. The finalizer comes before anything that deletion has to undo. The claim names every field that will
 * be written, so that a crash leaves no managed setting without its mark. A pause and limits come before a resume, so
 * that no worker starts a job under the old limit, and before job schedulers, which bring more. What a restore has left
 * is ended in the place of a resume, before whatever else may be refused. Fields are removed from the mark last, when
 * they are cleared.
 */
export function planQueue(queue: Queue, observed: ObservedQueue, now: Date): QueuePlan {
  if (queue.metadata.deletionTimestamp) return planDeletion(queue, observed, now);
  if (!observed.policy) return blocked(observed.problem);
  if (observed.server?.tooOld) return blocked(tooOld(observed.server));
  const { policy } = observed;
  const ownership = decideOwnership(queue, { ...observed, rawOwnerMark: policy.rawOwnerMark }, now);
  if (!ownership.ours) return planWaiting(queue, observed, ownership);
  const refuses = queue.spec.adoptionPolicy === 'Refuse' && !ownership.mark && policy.exists;
  if (refuses && !wasOurs(queue, observed)) return blocked(alreadyExists(policy));
  const owner = ownerOf(queue, observed.clusterId);
  const { schedulers = NO_SCHEDULERS } = observed;
  const changed = planSchedulers(schedulers, listedSchedulers(policy.schedulerList, owner), owner);
  const deadLetters = planDeadLetters(queue, observed, now);
  const steps = planPolicy(
    queue,
    policy,
    ownership,
    {
      owner,
      ends: planRestoreEnds(queue, {
        policy,
        ...(hasNoOtherOwner(queue, observed) && { deadLetters: observed.deadLetters }),
      }),
      others: [...changed, ...deadLetters.steps],
    },
    now,
  );
  // A scheduler that cannot run keeps nothing else from being applied.
  const message = describeProblems(schedulers.declared.problems);
  const problem = deadLetters.problem ?? (message === undefined ? undefined : { reason: 'SchedulerInvalid', message });
  return {
    steps: [...planFinalizer(queue), ...steps],
    governs: true,
    ...(problem && { problem }),
    ...(policy.rawOwnerMark !== undefined && { rawOwnerMark: policy.rawOwnerMark }),
    ...(!ownership.mark && { adopts: true as const }),
  };
}

/**
 * What a Queue does while another governs its queue: where it would inherit, it leaves a claim in Redis, because another
 * release may govern it that sees nothing else of this one. The claim is renewed when half of its time is over. Who
 * refuses queues that exist would not take this one.
 */
function planWaiting(
  queue: Queue,
  { clusterId, policy }: ObservedQueue,
  { problem, inherits, dueMs }: Extract<Ownership, { ours: false }>,
): QueuePlan {
  const { adoptionPolicy = 'Adopt' } = queue.spec;
  const owner = ownerOf(queue, clusterId);
  const leftMs = policy?.claims?.find((claim) => claim.owner === owner)?.leftMs ?? 0;
  const rawOwnerMark = policy?.rawOwnerMark;
  const waiting = { ...blocked(problem), ...(dueMs !== undefined && { dueMs }) };
  if (!inherits || adoptionPolicy !== 'Adopt' || rawOwnerMark === undefined || leftMs > CLAIM_TTL_MS / 2)
    return waiting;
  return { ...waiting, steps: [{ kind: 'leaveClaim', owner }], rawOwnerMark };
}

/** The fields that the spec manages, by their name in the owner mark. */
export function managedFields(queue: Queue): ManagedField[] {
  const { rateLimits, globalConcurrency, paused, retention } = queue.spec;
  const deadLetters = keepsDeadLetters(queue.spec) ? true : undefined;
  const wanted = { rateLimit: rateLimits, globalConcurrency, paused, deadLetters, maxEvents: retention?.maxEvents };
  return MANAGED_FIELDS.filter((field) => wanted[field] !== undefined);
}

function planPolicy(
  queue: Queue,
  policy: ObservedPolicy,
  { mark, from, former }: { mark?: OwnerMark; from?: string; former?: OwnerMark },
  { owner, ends, others }: { owner: string; ends: readonly EndRestoreStep[]; others: readonly QueueStep[] },
  now: Date,
): QueueStep[] {
  const wanted = managedFields(queue);
  // A former owner's fields are not taken over: what this spec does not name, it leaves alone. Only the pause of a removal
  // that was begun is lifted.
  const pausedByRemoval = (mark ?? former)?.removal?.paused ?? false;
  const before = new Set<ManagedField>([...(mark?.managed ?? []), ...(pausedByRemoval ? (['paused'] as const) : [])]);
  const dropped = [...before].filter((field) => !wanted.includes(field));
  const adoptedAt = mark && !isOlderThanMove(queue, mark.adoptedAt) ? mark.adoptedAt : adoptionTime(queue, now);
  const claimed: OwnerMark = { owner, managed: [...wanted, ...dropped], adoptedAt };
  const settled: OwnerMark = { owner, managed: wanted, adoptedAt };
  const holds = mark !== undefined && formatOwnerMark(claimed) === policy.rawOwnerMark;
  // While a restore has the queue no other step resumes it. Whether it has to be resumed then is seen with what that has
  // left; until then the mark names the pause.
  const endsOwn = ends.some(({ deadLetters }) => !deadLetters);
  return [
    ...(holds ? [] : [{ kind: 'claim' as const, mark: claimed, ...(from !== undefined && { from }) }]),
    ...planPause(queue, policy),
    ...planRateLimit(queue, policy, dropped),
    ...planGlobalConcurrency(queue, policy, dropped),
    ...ends,
    ...(endsOwn ? [] : planResume(queue, policy, dropped, pausedByRemoval)),
    ...others,
    ...(dropped.length > 0 && !endsOwn ? [{ kind: 'release' as const, mark: settled, fields: dropped }] : []),
  ];
}

function planRateLimit(queue: Queue, policy: ObservedPolicy, dropped: readonly ManagedField[]): QueueStep[] {
  const { rateLimits } = queue.spec;
  if (!rateLimits)
    return dropped.includes('rateLimit') && (policy.rateLimit || policy.brokenRateLimit)
      ? [{ kind: 'clearRateLimit' }]
      : [];
  const { max, durationMs } = effectiveRateLimit(rateLimits);
  const was = policy.rateLimit;
  if (was?.max === max && was.durationMs === durationMs) return [];
  return [{ kind: 'setRateLimit', window: { max, durationMs }, ...(was && { was }) }];
}

function planGlobalConcurrency(queue: Queue, policy: ObservedPolicy, dropped: readonly ManagedField[]): QueueStep[] {
  const { globalConcurrency: value } = queue.spec;
  const was = policy.globalConcurrency;
  if (value === undefined)
    return dropped.includes('globalConcurrency') && (was !== undefined || policy.brokenConcurrency)
      ? [{ kind: 'clearGlobalConcurrency' }]
      : [];
  return value === was ? [] : [{ kind: 'setGlobalConcurrency', value, ...(was !== undefined && { was }) }];
}

/** Jobs that BullMQ before v6 may lose are those of a pause by an older release, or were added by clients of v6. */
function planPause({ spec }: Queue, { paused, exposedWaiting: jobs = 0 }: ObservedPolicy): QueueStep[] {
  if (spec.paused !== true) return [];
  if (!paused) return [{ kind: 'pause' }];
  return jobs > 0 ? [{ kind: 'movePausedJobs', jobs }] : [];
}

/** @param pausedByRemoval it may pause the queue only after this was read: the mark says so before. */
function planResume(
  queue: Queue,
  policy: ObservedPolicy,
  dropped: readonly ManagedField[],
  pausedByRemoval: boolean,
): QueueStep[] {
  const { paused } = queue.spec;
  const shallRun = paused === false || (paused === undefined && dropped.includes('paused'));
  const mayBePaused = policy.paused || policy.legacyPaused > 0 || pausedByRemoval;
  return shallRun && mayBePaused ? [{ kind: 'resume' }] : [];
}

function planFinalizer(queue: Queue): QueueStep[] {
  const { deletionPolicy = 'Retain' } = queue.spec;
  const held = queue.metadata.finalizers?.includes(DATA_FINALIZER) ?? false;
  if (deletionPolicy === 'Retain') return held ? [{ kind: 'removeFinalizer' }] : [];
  return held ? [] : [{ kind: 'addFinalizer' }];
}

/**
 * Whether the queue was ours before Redis lost its data: nobody has marked it since, and the status says that we had taken
 * it over on this Redis.
 */
function wasOurs(queue: Queue, { policy, redisAddress }: ObservedQueue): boolean {
  const { adoptedAt, effective } = queue.status ?? {};
  if (adoptedAt === undefined || policy?.rawOwnerMark !== undefined) return false;
  return effective?.redisAddress === undefined || effective.redisAddress === redisAddress;
}

/** Dead letters that another has marked are that one's to end, and go with no other queue. */
function hasNoOtherOwner(queue: Queue, observed: ObservedQueue): boolean {
  return observed.deadLetters?.policy?.rawOwnerMark === undefined || ownLetterMark(queue, observed) !== undefined;
}

function blocked(problem: Problem | undefined): QueuePlan {
  return { steps: [], problem: problem ?? { reason: 'RedisError', message: 'Redis could not be read' } };
}

function tooOld({ product, version }: ServerInfo): Problem {
  return { reason: 'RedisTooOld', message: `${product} ${version} is too old; Redis 7.0 or Valkey 7.2 is needed` };
}

function alreadyExists({ clientVersion }: ObservedPolicy): Problem {
  const user = clientVersion ? ` (used by ${clientVersion})` : '';
  return {
    reason: 'QueueExists',
    message: `the queue exists in Redis already${user} and adoptionPolicy is Refuse; set it to Adopt, or to Observe to see what would change`,
  };
}
