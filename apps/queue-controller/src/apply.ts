import type { Queue, QueueReason } from '@redis-queue/api';
import {
  deadLetterQueue,
  formatOwnerMark,
  leaveClaim,
  LOST_FIELDS,
  obliterateRound,
  removeScheduler,
  setPaused,
  upsertScheduler,
  whileLeading,
  writeMeta,
  NO_DIGEST,
  type FencedWrite,
  type ObliterateOutcome,
  type PolicyDigest,
  type QueueRef,
  type RedisCall,
} from '@redis-queue/bullmq';
import { applySteps, isApiFailure, type FinalizerStep, type KindContext } from '@redis-queue/controller';
import { callRedis, queueRef, type QueueObject } from '@redis-queue/redis-access';
import { describeStep } from './describe.ts';
import { actionsOf, metaWrite, stepsOf, type Action, type MetaWrite } from './meta-writes.ts';
import { callOf } from './access/connection.ts';
import { redisProblem } from './access/redis-problem.ts';
import type { Sources } from './access/sources.ts';
import type { QueuePlan, QueueStep } from './steps.ts';
import type { DeadLetterStep } from './ownership/dead-letter-steps.ts';
import type { Way } from './former-redis/ways.ts';
import type { Problem } from './reasons.ts';
import { endLeftRestore } from './restores/end.ts';
import type { SchedulerStep } from './schedulers/plan.ts';

/** The two systems that steps write to. */
export interface Writers {
  applyFinalizer(step: FinalizerStep): Promise<void>;
  /**
   * Sends one write to Redis while this process leads, over a connection that is open for it, and gives it a deadline of
   * its own. Absent only for plans whose steps do not touch Redis.
   */
  readonly write?: RedisCall | undefined;
  /** Wall time. */
  readonly now?: () => Date;
}

export interface Applied {
  /** Steps that were done, in order. */
  readonly done: readonly QueueStep[];
  /** Why the rest was not. */
  readonly problem?: Problem;
  /** What a step threw. */
  readonly failure?: { readonly error: unknown };
  /** Of what is set for the queue now, where all was done; `NO_DIGEST`: it has to be looked at again. */
  readonly digest?: PolicyDigest | undefined;
}

/** Rounds of one step per reconcile: with ≤ 500 jobs each, removing millions of them does not starve other queues. */
const MAX_ROUNDS = 20;
/** Rounds of one reconcile together: over a slow link each may take a second, and the reconcile has a deadline. */
const ROUNDS_MS = 3_000;

/**
 * Carries a queue's plan out in the Redis that it was made from; what Redis throws becomes the problem, and what the API
 * server throws stays a failure. A queue that is only observed is not written to.
 *
 * @param way by which the queue was read; undefined where there is none: its plan then writes nothing to Redis.
 */
export async function applyQueue(
  queue: QueueObject,
  { plan, way }: { readonly plan: QueuePlan; readonly way: Way | undefined },
  { signal, log, applyFinalizer, now }: KindContext<QueueReason>,
  sources: Sources,
): Promise<Applied> {
  const writes = queue.spec.adoptionPolicy !== 'Observe' || queue.metadata.deletionTimestamp !== undefined;
  if (!writes) return { done: [], digest: plan.digest };
  const call = way && callOf(queue, way);
  const writers: Writers = {
    applyFinalizer,
    now,
    ...(call && {
      write: whileLeading((write) => callRedis(sources, call, write), {
        signal,
        assertLeading: () => sources.assertLeading(),
      }),
    }),
  };
  const applied = await applyPlan(queue, queueRef(queue), plan, writers, signal);
  const { done, failure } = applied;
  if (done.length > 0) log.info({ steps: done.map(({ kind }) => kind) }, done.map(describeStep).join('; '));
  if (!failure) return applied;
  const { error } = failure;
  if (isApiFailure(error) || signal.aborted || !way) return applied;
  return { done, problem: redisProblem(error, way.target, sources.connections) };
}

/**
 * Does the steps in order, those that only write `meta` together; each write is idempotent and fenced by the owner mark,
 * so that a crash before or after any of them is cured by planning again. Stops at the first that cannot be done now, or
 * for which Redis or the API server throws.
 */
export async function applyPlan(
  queue: Queue,
  ref: QueueRef,
  plan: QueuePlan,
  writers: Writers,
  signal?: AbortSignal,
): Promise<Applied> {
  const meta: KnownMeta = { mark: plan.rawOwnerMark, digest: plan.digest };
  const applied = await applySteps<Action, QueueReason>(actionsOf(plan.steps), {
    signal,
    applyFinalizer: (step) => writers.applyFinalizer(step),
    async applyStep(action) {
      const { write, now = () => new Date() } = writers;
      if (!write)
        throw new Error(`Queue ${queue.metadata.namespace}/${queue.metadata.name}: step ${action.kind} needs Redis`);
      return await applyAction(action, { write, ref, meta, now, untilMs: plan.removesUntilMs ?? 0 });
    },
  });
  const isWhole = !applied.problem && !applied.failure;
  return { ...applied, done: applied.done.flatMap(stepsOf), ...(isWhole && { digest: meta.digest }) };
}

/** What is known of the queue's `meta`, kept up with what is written. */
interface KnownMeta {
  /** The owner mark as stored: a step is done only while it is that one. */
  mark: string | undefined;
  digest: PolicyDigest | undefined;
}

interface Place {
  readonly write: RedisCall;
  readonly ref: QueueRef;
  readonly meta: KnownMeta;
  readonly now: () => Date;
  /** Redis' time after which nothing is removed. */
  readonly untilMs: number;
}

/** @returns why it cannot be done now */
async function applyAction(action: Exclude<Action, FinalizerStep>, place: Place): Promise<Problem | undefined> {
  switch (action.kind) {
    case 'writeMeta':
      return writeSteps(action, place);
    case 'obliterate':
      return obliterate(action, place);
    case 'leaveClaim':
      return leaveClaimBeside(action.owner, place);
    case 'pause':
    case 'movePausedJobs':
    case 'resume':
      return pauseOrResume(action.kind !== 'resume', place);
    case 'claimDeadLetters':
    case 'beginDeadLetterRemoval':
    case 'endDeadLetterRemoval':
    case 'releaseDeadLetters':
    case 'obliterateDeadLetters':
      return applyDeadLetterStep(action, place);
    case 'endRestore':
      // It pauses or resumes the queue.
      place.meta.digest = NO_DIGEST;
      return endLeftRestore(action, place);
    case 'upsertScheduler':
    case 'removeScheduler':
      return changeScheduler(action, place);
    default:
      return action satisfies never;
  }
}

const OWNERSHIP_LOST: Problem = {
  reason: 'OwnershipLost',
  message: 'another claimant changed the owner mark meanwhile; planning again',
};

const RESTORING: Problem = {
  reason: 'Restoring',
  message:
    'spec.paused: false: a restore fills the queue, so that it is not resumed before all jobs are there and compared; wait for the QueueRestore to end, or set spec.paused to true',
};

async function writeSteps({ steps }: MetaWrite, { write, ref, meta }: Place): Promise<Problem | undefined> {
  const change = metaWrite(steps);
  const { mark: expected, digest } = meta;
  const written = await write((redis) => writeMeta(redis, ref, { ...change, expected, digest }));
  if (written === undefined) return OWNERSHIP_LOST;
  meta.mark = change.mark ?? meta.mark;
  meta.digest = written;
  return undefined;
}

/** No claim keeps the letters of a queue whose data is removed: they are its jobs. */
async function applyDeadLetterStep(step: DeadLetterStep, place: Place): Promise<Problem | undefined> {
  const ref = deadLetterQueue(place.ref);
  const { expected } = step;
  const meta: KnownMeta = { mark: expected, digest: undefined };
  if (step.kind === 'obliterateDeadLetters')
    return obliterate({ kind: 'obliterate', stopAt: step.stopAt }, { ...place, ref, meta });
  const change: Omit<FencedWrite, 'expected'> =
    step.kind === 'releaseDeadLetters' ? { mark: null, clear: LOST_FIELDS } : { mark: formatOwnerMark(step.owns) };
  const written = await place.write((redis) => writeMeta(redis, ref, { ...change, expected }));
  return written === undefined ? OWNERSHIP_LOST : undefined;
}

/** What a long list of jobs still needs is done when the queue is looked at again. */
async function pauseOrResume(paused: boolean, { write, ref, meta, now }: Place): Promise<Problem | undefined> {
  const { mark: expected } = meta;
  const outcome = await inRounds(
    now,
    (result) => result === 'again',
    async () => {
      const result = await write((redis) => setPaused(redis, ref, { paused, expected, digest: meta.digest }));
      meta.digest = result.digest;
      return result.outcome;
    },
  );
  if (outcome === 'again') meta.digest = NO_DIGEST;
  if (outcome === 'restoring') return RESTORING;
  return outcome === 'ownershipLost' ? OWNERSHIP_LOST : undefined;
}

async function changeScheduler(step: SchedulerStep, { write, ref, meta }: Place): Promise<Problem | undefined> {
  const fence = { owner: step.owner, mark: meta.mark ?? '' };
  const outcome = await write((redis) =>
    step.kind === 'upsertScheduler'
      ? upsertScheduler(redis, ref, step.scheduler, fence)
      : removeScheduler(redis, ref, step.name, fence),
  );
  switch (outcome) {
    case 'done':
      return undefined;
    case 'ownershipLost':
      return OWNERSHIP_LOST;
    case 'late':
      return { reason: 'RedisBusy', message: 'Redis answers slowly, so no job scheduler was changed; planning again' };
    case 'noRun': {
      const name = step.kind === 'upsertScheduler' ? step.scheduler.name : step.name;
      const message = `spec.schedulers[name=${name}]: jobs of its next runs exist already, and are not its own; remove them, or rename it`;
      return { reason: 'SchedulerInvalid', message };
    }
    default:
      return outcome satisfies never;
  }
}

/** Who may not write in this Redis claims nothing, and says why it waits all the same. */
async function leaveClaimBeside(
  owner: string,
  { write, ref, meta: { mark: expected = '' } }: Place,
): Promise<Problem | undefined> {
  try {
    const outcome = await write((redis) => leaveClaim(redis, ref, { expected, owner }));
    return outcome === 'ownershipLost' ? OWNERSHIP_LOST : undefined;
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}

async function obliterate(
  { stopAt, owner, ignoredClaims }: Extract<QueueStep, { kind: 'obliterate' }>,
  { write, ref, meta: { mark = '' }, now, untilMs }: Place,
): Promise<Problem | undefined> {
  const { outcome, left } = await inRounds(
    now,
    (round) => round.outcome === 'more',
    () => write((redis) => obliterateRound(redis, ref, { mark, stopAt, untilMs, owner, ignoredClaims })),
  );
  return outcome === 'done' ? undefined : OBSTACLES[outcome](left);
}

/** Repeats a round, each with a deadline of its own, as long as it asks for more and the share of one reconcile lasts. */
async function inRounds<T>(now: () => Date, asksForMore: (result: T) => boolean, round: () => Promise<T>): Promise<T> {
  const endsAtMs = now().getTime() + ROUNDS_MS;
  let result = await round();
  for (let rounds = 1; asksForMore(result) && rounds < MAX_ROUNDS && now().getTime() < endsAtMs; rounds++) {
    result = await round();
  }
  return result;
}

const FORCE_HINT = 'annotate redis-queue.io/force-delete=true to remove the data now';
const OBSTACLES: Record<Exclude<ObliterateOutcome, 'done'>, (jobs: number) => Problem> = {
  more: (jobs) => ({ reason: 'Deleting', message: `the data in Redis is being removed; ${jobs} jobs are left` }),
  late: () => ({ reason: 'Deleting', message: 'Redis answers slowly, so nothing was removed; planning again' }),
  unfinishedJobs: (jobs) => ({
    reason: 'Deleting',
    message: `deletionPolicy is DeleteIfEmpty and ${jobs} jobs came meanwhile; planning again`,
  }),
  ownershipLost: () => OWNERSHIP_LOST,
  claimed: () => ({ reason: 'DeletionDelayed', message: 'another Queue has claimed the data; planning again' }),
  activeJobs: (jobs) => ({
    reason: 'ActiveJobs',
    message: `${jobs} jobs are active; the queue is paused and its data is removed when they are done; ${FORCE_HINT}`,
  }),
  waitingChildren: (jobs) => ({
    reason: 'WaitingChildren',
    message: `${jobs} flow parents wait for children in other queues; ${FORCE_HINT}`,
  }),
};
