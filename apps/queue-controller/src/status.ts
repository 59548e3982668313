import { effectiveRateLimit, ownMark, type QueueRef } from '@redis-queue/bullmq';
import {
  keepsDeadLetters,
  QUEUE_REASONS,
  redisSecretRef,
  type Condition,
  type Queue,
  type QueueReason,
  type QueueStatus,
} from '@redis-queue/api';
import { kindConditions, saidBefore, type Notice } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { describeBlockedDeletion } from './deletion/blocked.ts';
import { describeStep } from './describe.ts';
import { formerRedisOf } from './former-redis/moves.ts';
import { describeFormerRedis } from './former-redis/notices.ts';
import { foundOf } from './former-redis/release.ts';
import { markAfter, whyNotReleased } from './former-waits.ts';
import { ownerOf } from './ownership/ownership.ts';
import { removedSchedulers, type ObservedQueue, type QueuePlan, type QueueStep } from './steps.ts';
import { QueueCondition, type Problem } from './reasons.ts';
import type { JudgedWindows } from './limiter/limiter-watch.ts';
import { workerLimiter, type WorkerLimiter } from './limiter/notice.ts';
import { heldByRestore } from './restores/held.ts';
import { drained } from './retire/drained.ts';
import type { Sampling } from './sampling/sampling-failures.ts';
import { counted, type UpkeepCondition } from './upkeep/duty.ts';
import { plannedUpkeep } from './upkeep/planned.ts';

/** The part of the status that a reconcile writes; counts are the sampler's. */
export const RECONCILED_FIELDS = [
  'observedGeneration',
  'conditions',
  'effective',
  'adoptedAt',
  'formerRedis',
  'workerLimiterSeenAt',
  'plan',
] as const satisfies (keyof QueueStatus)[];
export type ReconciledStatus = Pick<QueueStatus, (typeof RECONCILED_FIELDS)[number]>;

export interface Outcome {
  readonly ref: QueueRef;
  readonly observed: ObservedQueue;
  readonly plan: QueuePlan;
  readonly done: readonly QueueStep[];
  readonly sampling: Sampling;
  /** Of the windows of its rate limit; absent: not known. */
  readonly windows?: JudgedWindows | undefined;
  /** What recurring work has to say, by condition type. */
  readonly upkeep: Readonly<Record<UpkeepCondition, Notice<QueueReason>>>;
  /** What stands between the spec and Redis after the plan was applied. */
  readonly problem?: Problem | undefined;
}

/** What the status should say. Pure; an unchanged outcome gives a deeply equal status. */
export function queueStatus(queue: QueueObject, outcome: Outcome, now: Date): ReconciledStatus {
  const observes = queue.spec.adoptionPolicy === 'Observe';
  const adoptedAt = adoptedAtOf(queue, outcome);
  const formerRedis = formerRedisOf(queue, foundOf(outcome.observed), now);
  const inEffect = effective(queue, outcome);
  const limiter = workerLimiter(queue, { windows: outcome.windows, limit: inEffect?.rateLimit, now });
  return {
    observedGeneration: queue.metadata.generation,
    conditions: conditions(queue, outcome, { formerRedis, limiter }, now),
    effective: inEffect,
    ...(adoptedAt !== undefined && { adoptedAt }),
    ...(formerRedis.length > 0 && { formerRedis }),
    ...(limiter && { workerLimiterSeenAt: limiter.seenAt }),
    ...(observes && !outcome.problem && { plan: atMost(MAX_PLANNED, plannedChanges(queue, outcome)) }),
  };
}

/** What would be done once, and time and again. */
function plannedChanges({ spec }: Queue, { ref, plan }: Pick<Outcome, 'ref' | 'plan'>): string[] {
  return [...plan.steps.map(describeStep), ...plannedUpkeep(ref, spec)];
}

/** The API server refuses a status with a longer list, and then nothing at all would be said. */
const MAX_PLANNED = 50;

function atMost(most: number, sentences: readonly string[]): string[] {
  if (sentences.length <= most) return [...sentences];
  return [...sentences.slice(0, most - 1), `and ${sentences.length - most + 1} more changes`];
}

function conditions(
  queue: QueueObject,
  outcome: Outcome,
  found: {
    readonly formerRedis: NonNullable<QueueStatus['formerRedis']>;
    readonly limiter?: WorkerLimiter | undefined;
  },
  now: Date,
): Condition[] {
  const { observed, plan, problem, sampling, upkeep } = outcome;
  const notices = {
    Available: availability(outcome, effective(queue, outcome)?.paused === true),
    [QueueCondition.BurstCapped]: burstCapped(queue),
    [QueueCondition.DeletionBlocked]: describeBlockedDeletion(queue, problem),
    [QueueCondition.Drained]: queue.metadata.deletionTimestamp
      ? undefined
      : drained({ ...observed, spec: queue.spec, problem, removed: removedSchedulers(plan) }),
    [QueueCondition.FormerRedisHeld]: describeFormerRedis(
      found.formerRedis,
      observed.former ?? [],
      whyNotReleased(queue, outcome),
    ),
    [QueueCondition.HeldByRestore]: heldByRestore(queue, observed, {
      done: outcome.done,
      governs: plan.governs === true,
    }),
    [QueueCondition.MaxmemoryPolicy]: maxmemoryPolicy(observed),
    [QueueCondition.SamplingFailed]: samplingFailed(queue, sampling, problem),
    [QueueCondition.WorkerLimiter]: found.limiter?.notice,
    ...upkeep,
  };
  return kindConditions(queue, QUEUE_REASONS, problem ?? readySentence(queue, outcome), notices, now);
}

/** What Redis, or a key in it, answers where jobs can neither be added nor taken, or where they are being removed. */
const UNAVAILABLE: ReadonlySet<string> = new Set<QueueReason>([
  'RedisUnreachable',
  'RedisBusy',
  'RedisReadOnly',
  'RedisOutOfMemory',
  'QueueUnreadable',
  'ActiveJobs',
  'Deleting',
]);

/** Whether jobs can be added and taken, whoever governs the queue; without a way to its Redis that is not known. */
function availability({ observed: { policy }, problem }: Outcome, paused: boolean): Notice<QueueReason> {
  if (problem && UNAVAILABLE.has(problem.reason)) return { ...problem, status: 'False' };
  if (problem && !policy) return { ...problem, status: 'Unknown' };
  const message = paused
    ? 'Redis answers: jobs can be added, and none is started while the queue is paused.'
    : 'Redis answers: jobs can be added and taken.';
  return { reason: 'RedisAnswers', message };
}

function readySentence(queue: Queue, outcome: Pick<Outcome, 'ref' | 'plan'>): Problem {
  if (queue.spec.adoptionPolicy === 'Observe') {
    const { length } = plannedChanges(queue, outcome);
    const changes =
      length === 0 ? 'nothing would change' : `${counted(length, 'change')} would be made; see status.plan`;
    return { reason: 'Observed', message: `adoptionPolicy is Observe: nothing is written, ${changes}` };
  }
  const { rateLimits, globalConcurrency, paused, retention, priorities } = queue.spec;
  const { schedulers = [], retire } = queue.spec;
  const managed = [
    ...(rateLimits ? [`at most ${rateLimits.maxJobsPerSecond} jobs/s`] : []),
    ...(globalConcurrency === undefined ? [] : [`at most ${globalConcurrency} jobs at once`]),
    ...(paused === undefined ? [] : [paused ? 'paused' : 'not paused']),
    ...(keepsDeadLetters(queue.spec) ? ['dead letters'] : []),
    ...(retention && Object.keys(retention).length > 0 ? ['retention'] : []),
    ...(priorities ? ['priorities'] : []),
    ...(schedulers.length === 0 || retire === true ? [] : [counted(schedulers.length, 'job scheduler')]),
  ];
  return {
    reason: 'Applied',
    message: managed.length === 0 ? 'the spec manages no setting in Redis' : `holds in Redis: ${managed.join(', ')}`,
  };
}

function burstCapped(queue: Queue): Problem | undefined {
  const { rateLimits } = queue.spec;
  const limit = rateLimits && effectiveRateLimit(rateLimits);
  if (!limit?.capped) return undefined;
  const asked = rateLimits?.burstCapacity ?? rateLimits?.maxJobsPerSecond;
  return {
    reason: 'BurstCapped',
    message: `burstCapacity ${asked} is set as ${limit.max} jobs per ${limit.durationMs} ms; windows last 100 ms to 5 s`,
  };
}

function maxmemoryPolicy({ server }: ObservedQueue): Problem | undefined {
  const policy = server?.maxmemoryPolicy;
  if (policy === undefined || policy === 'noeviction') return undefined;
  return {
    reason: 'EvictionEnabled',
    message: `Redis' maxmemory-policy is ${policy}, so it may drop jobs when memory runs out; set noeviction`,
  };
}

/** The counts in the status are older than they look. Its lastTransitionTime says since when. */
function samplingFailed(queue: QueueObject, sampling: Sampling, ready: Problem | undefined): Problem | undefined {
  if (sampling === 'works') return undefined;
  if (sampling === 'unknown') {
    return saidBefore(queue.status?.conditions, QueueCondition.SamplingFailed);
  }
  const { name, field = 'the default' } = redisSecretRef(queue, 'sampler');
  const counts =
    queue.status?.sampledAt === undefined
      ? 'counts and waits'
      : 'counts and waits in the status are as old as sampledAt says; they';
  if ('unwritten' in sampling) {
    const { reason, message } = sampling.unwritten;
    return { reason, message: `${counts} cannot be written: ${message}` };
  }
  const { reason, message } = sampling;
  // Ready says it already.
  if (ready?.reason === reason && ready.message === message) return undefined;
  const wayOut = SAYS_WAY_OUT.has(reason) ? '' : `. ${QUEUE_REASONS[reason].doc}`;
  return { reason, message: `${counts} cannot be read with Secret ${name} (${field}): ${message}${wayOut}` };
}

/** Their messages say what to do as well. */
const SAYS_WAY_OUT: ReadonlySet<string> = new Set<QueueReason>([
  'SecretNotFound',
  'SecretNotPermitted',
  'SecretInvalid',
  'WaitingForTurn',
]);

/** What holds in Redis now. While Redis cannot be read, what was last seen. */
function effective(queue: Queue, { ref, observed, done }: Outcome): QueueStatus['effective'] {
  const { policy, server, redisAddress } = observed;
  if (!policy) return queue.status?.effective ?? { ...ref };
  const written = done.find((step) => step.kind === 'setRateLimit' || step.kind === 'clearRateLimit');
  const rateLimit = written ? (written.kind === 'setRateLimit' ? written.window : undefined) : policy.rateLimit;
  const switched = done.find(({ kind }) => kind === 'pause' || kind === 'resume');
  const paused = switched ? switched.kind === 'pause' : policy.paused;
  return {
    name: ref.name,
    prefix: ref.prefix,
    ...(rateLimit && { rateLimit }),
    ...(paused && { paused }),
    ...(server && { redisVersion: server.version }),
    ...(redisAddress !== undefined && { redisAddress }),
  };
}

/**
 * Whoever finds that the queue, and not only its dead letters, is another's has lost it: the time would say it is ours.
 */
const NOT_OURS: ReadonlySet<string> = new Set<Problem['reason']>([
  'WaitingForOwner',
  'Conflict',
  'OwnedByOtherCluster',
  'OwnerMarkUnreadable',
  'QueueExists',
]);

/**
 * From the mark that was written, now or by a reconcile that did not come as far as its status. Also of a Queue that
 * only observes by now, so that a move is noticed. Who only observes, or reads another Redis than before, and finds no
 * mark of its own, has taken nothing over there.
 */
function adoptedAtOf(queue: QueueObject, { observed, plan, done, problem }: Outcome): string | undefined {
  if (!plan.governs && problem && NOT_OURS.has(problem.reason)) return undefined;
  const mark = ownMark(markAfter({ observed, done }), ownerOf(queue, observed.clusterId));
  if (mark) return mark.adoptedAt;
  const { adoptedAt, effective: before } = queue.status ?? {};
  const moved = before?.redisAddress !== undefined && before.redisAddress !== observed.redisAddress;
  return observed.policy && (moved || queue.spec.adoptionPolicy === 'Observe') ? undefined : adoptedAt;
}
