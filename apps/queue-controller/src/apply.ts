import type { Queue, QueueReason } from '@redis-queue/api';
import {
  formatOwnerMark,
  GLOBAL_CONCURRENCY_FIELD,
  obliterateStep,
  pauseQueue,
  RATE_LIMIT_FIELDS,
  rateLimitFields,
  resumeQueue,
  writeMeta,
  type FencedWrite,
  type QueueRef,
} from '@redis-queue/bullmq';
import { applySteps, isApiFailure, type FinalizerStep, type KindContext } from '@redis-queue/controller';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import { describeStep } from './describe.ts';
import { redisProblem, resolveConnection, type Sources } from './observe.ts';
import type { QueuePlan, QueueStep } from './steps.ts';
import type { Problem } from './reasons.ts';

type Redis = Parameters<typeof pauseQueue>[0];

/** The two systems that steps write to. */
export interface Writers {
  /** Absent only for plans whose steps do not touch Redis. Asked for within `guard`, as asking connects. */
  readonly redis?: Redis | undefined;
  applyFinalizer(step: FinalizerStep): Promise<void>;
  /**
   * Does one step on Redis while this process leads. The signal that the step gets is aborted at its deadline, or with
   * the reconcile. Absent in tests of the steps alone.
   */
  readonly guard?: <T>(write: (ends?: AbortSignal) => Promise<T>) => Promise<T>;
}

export interface Applied {
  /** Steps that were done, in order. */
  readonly done: readonly QueueStep[];
  /** Why the rest was not. */
  readonly problem?: Problem;
}

/** Rounds of ≤ 1,000 jobs per reconcile, so that removing millions of jobs does not starve other queues. */
const OBLITERATE_ROUNDS = 20;

/**
 * Carries a queue's plan out; what Redis throws becomes the problem. A queue that is only observed is not written to.
 *
 * @throws what the API server throws.
 */
export async function applyQueue(
  queue: QueueObject,
  plan: QueuePlan,
  { signal, log, applyFinalizer }: KindContext<QueueReason>,
  sources: Sources,
): Promise<Applied> {
  const writes = queue.spec.adoptionPolicy !== 'Observe' || queue.metadata.deletionTimestamp !== undefined;
  if (!writes) return { done: [] };
  const connection = resolveConnection(queue, sources);
  const writers: Writers = {
    get redis() {
      return connection.ok ? sources.connections.get(connection.target) : undefined;
    },
    applyFinalizer,
    guard: async (write) => {
      // Asked when the write begins: before, it may have waited for its Redis to be probed.
      const writeLeading: typeof write = async (ends) => {
        signal.throwIfAborted();
        sources.assertLeading();
        return await write(ends);
      };
      if (!connection.ok) return await writeLeading(signal);
      return await sources.breakers.run(connection.targetKey, (deadline) =>
        writeLeading(AbortSignal.any([signal, deadline])),
      );
    },
  };
  try {
    const applied = await applyPlan(queue, queueRef(queue), plan, writers, signal);
    for (const step of applied.done) log.info({ step: step.kind }, describeStep(step));
    return applied;
  } catch (error) {
    if (isApiFailure(error) || signal.aborted || !connection.ok) throw error;
    return { done: [], problem: redisProblem(error, connection.target, sources.connections) };
  }
}

/**
 * Does the steps in order; each is idempotent and fenced by the owner mark, so that a crash before or after any of them
 * is cured by planning again. Stops at the first that cannot be done now.
 *
 * @throws what Redis or the API server throws.
 */
export async function applyPlan(
  queue: Queue,
  ref: QueueRef,
  plan: QueuePlan,
  writers: Writers,
  signal?: AbortSignal,
): Promise<Applied> {
  let mark = plan.rawOwnerMark;
  return applySteps<QueueStep, QueueReason>(plan.steps, {
    signal,
    applyFinalizer: (step) => writers.applyFinalizer(step),
    async applyStep(step) {
      const { guard = (write) => write(signal) } = writers;
      const problem = await guard((ends) => applyStep(step, mark, queue, ref, writers.redis, ends));
      if (!problem && 'mark' in step) mark = formatOwnerMark(step.mark);
      return problem;
    },
  });
}

/** @returns why the step cannot be done now */
async function applyStep(
  step: Exclude<QueueStep, FinalizerStep>,
  mark: string | undefined,
  queue: Queue,
  ref: QueueRef,
  redis: Redis | undefined,
  signal: AbortSignal | undefined,
): Promise<Problem | undefined> {
  if (!redis)
    throw new Error(`Queue ${queue.metadata.namespace}/${queue.metadata.name}: step ${step.kind} needs Redis`);
  if (step.kind === 'obliterate') return obliterate(redis, ref, step.force, signal);
  if (step.kind === 'pause') await pauseQueue(redis, ref);
  else if (step.kind === 'resume') await resumeQueue(redis, ref);
  else if (!(await writeMeta(redis, ref, { expected: mark, ...metaWrite(step) }))) return OWNERSHIP_LOST;
  return undefined;
}

const OWNERSHIP_LOST: Problem = {
  reason: 'OwnershipLost',
  message: 'another claimant changed the owner mark meanwhile; planning again',
};

type MetaStep = Exclude<QueueStep, FinalizerStep | { kind: 'obliterate' | 'pause' | 'resume' }>;

function metaWrite(step: MetaStep): Omit<FencedWrite, 'expected'> {
  switch (step.kind) {
    case 'claim':
    case 'release':
      return { mark: formatOwnerMark(step.mark) };
    case 'setRateLimit':
      return { set: rateLimitFields(step.window) };
    case 'clearRateLimit':
      return { clear: RATE_LIMIT_FIELDS };
    case 'setGlobalConcurrency':
      return { set: { [GLOBAL_CONCURRENCY_FIELD]: step.value } };
    case 'clearGlobalConcurrency':
      return { clear: [GLOBAL_CONCURRENCY_FIELD] };
    default:
      return step satisfies never;
  }
}

async function obliterate(
  redis: Redis,
  ref: QueueRef,
  force: boolean,
  signal: AbortSignal | undefined,
): Promise<Problem | undefined> {
  for (let round = 0; round < OBLITERATE_ROUNDS; round++) {
    signal?.throwIfAborted();
    const result = await obliterateStep(redis, ref, { force });
    if (result === 'done') return undefined;
    if (result !== 'more') return OBSTACLES[result];
  }
  return { reason: 'Deleting', message: 'the data in Redis is being removed' };
}

const FORCE_HINT = 'annotate redis-queue.io/force-delete=true to remove the data now';
const OBSTACLES: Record<'activeJobs' | 'waitingChildren', Problem> = {
  activeJobs: {
    reason: 'ActiveJobs',
    message: `jobs are active; the queue is paused and its data is removed when they are done; ${FORCE_HINT}`,
  },
  waitingChildren: {
    reason: 'WaitingChildren',
    message: `flow parents wait for children in other queues; ${FORCE_HINT}`,
  },
};
