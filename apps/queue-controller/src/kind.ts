import { QUEUE_REASONS, QUEUES, type Queue, type QueueReason } from '@redis-queue/api';
import { queueKey } from '@redis-queue/bullmq';
import {
  findCondition,
  isNews,
  retryAfterMs,
  soonestMs,
  spreadMs,
  type Kind,
  type Outcome,
  type RecordEvent,
} from '@redis-queue/controller';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import { applyQueue } from './apply.ts';
import type { DeletionTimes } from './deletion/deletion-times.ts';
import { describeStep } from './describe.ts';
import type { SettledQueues } from './drift/settled-queues.ts';
import { leftBehind } from './former-redis/notices.ts';
import { FormerReleases } from './former-releases.ts';
import type { LimiterWatch } from './limiter/limiter-watch.ts';
import { limiterEndsMs } from './limiter/notice.ts';
import type { QueueMetrics } from './metrics.ts';
import { observeQueue } from './observe.ts';
import type { Sources } from './access/sources.ts';
import { planQueue } from './plan.ts';
import { DATA_FINALIZER } from './deletion/policy.ts';
import { drainDueMs } from './retire/drained.ts';
import type { EmptyTimes } from './retire/empty-times.ts';
import type { SamplingFailures } from './sampling/sampling-failures.ts';
import { queueStatus, RECONCILED_FIELDS } from './status.ts';
import { removedSchedulers, type ObservedQueue, type QueuePlan, type QueueStep } from './steps.ts';
import { trySampling } from './sampling/try-sampling.ts';
import type { Duty } from './upkeep/duty.ts';
import type { UpkeepReports } from './upkeep/reports.ts';

export interface QueueKindOptions {
  readonly sources: Sources;
  readonly metrics: QueueMetrics;
  /** Shared with the sampler. */
  readonly sampling: SamplingFailures;
  readonly deletions: DeletionTimes;
  readonly emptyTimes: EmptyTimes;
  /** Of the windows of rate limits; shared with the sampler. */
  readonly limiter: LimiterWatch;
  /** Shared with the drift rounds. */
  readonly settled: SettledQueues;
  /** What recurs for each Queue, and what it has found out; shared with it. */
  readonly duties: readonly Duty[];
  readonly reports: UpkeepReports;
  /** How often an unchanged queue is reconciled although nothing is known to have changed. */
  readonly fullCheckMs: number;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** What is particular to the Queue kind. */
export function queueKind(options: QueueKindOptions): Kind<QueueObject, ObservedQueue, QueuePlan, QueueReason> {
  const { sources, metrics, sampling, deletions, emptyTimes, settled, limiter, duties, reports } = options;
  const { fullCheckMs, random = Math.random } = options;
  const former = new FormerReleases(sources);
  return {
    name: 'queue',
    type: QUEUES,
    reasons: QUEUE_REASONS,
    finalizer: DATA_FINALIZER,
    statusFields: RECONCILED_FIELDS,
    memories: [sampling, deletions, emptyTimes, settled, limiter, reports, former],
    async observe(queue, { signal }) {
      settled.begin(queue);
      const deletionKnownMs = deletions.knownForMs(queue);
      const [observed] = await Promise.all([
        observeQueue(queue, sources, signal),
        trySampling(queue, sources, sampling),
      ]);
      former.note(queue, observed);
      if (observed.policy) limiter.note(queue.metadata.uid ?? '', observed.policy);
      const emptyForMs = emptyTimes.note(queue, observed);
      return {
        ...observed,
        ...(deletionKnownMs !== undefined && { deletionKnownMs }),
        ...(emptyForMs !== undefined && { emptyForMs }),
      };
    },
    plan: planQueue,
    async apply(queue, { observed, plan }, context) {
      const { digest, ...applied } = await applyQueue(
        queue,
        { plan: { ...plan, digest: observed.policy?.digest }, way: observed.way },
        context,
        sources,
      );
      const left = { ...observed, digestLeft: digest };
      if (applied.failure) return { ...applied, observed: left };
      return {
        ...applied,
        observed: { ...left, former: await former.after(queue, { observed, ...applied }, context) },
      };
    },
    status: (queue, outcome, now) => {
      const windows = limiter.verdict(queue.metadata.uid ?? '');
      const upkeep = reports.noticesOf(queue, duties, outcome.problem);
      const known = { ref: queueRef(queue), sampling: sampling.of(queue), windows, upkeep };
      return queueStatus(queue, { ...outcome, ...known }, now);
    },
    report: (queue, outcome, { event, nowMs }) => {
      const { failure, plan, observed } = outcome;
      // Beside a scheduler that cannot run, or dead letters that are another's, everything else is in effect, and is
      // compared as ever. What could not be carried out to its end left no digest.
      if (!failure && plan.governs) settled.settle(queue, observed.digestLeft);
      reportSteps(queue, outcome, event, metrics);
      former.report(queue, outcome.observed, nowMs, event);
    },
    requeueMs: (queue, { problem, observed, plan, done }, status, { nowMs }) => {
      const { conditions, formerRedis } = status;
      const {
        metadata: { uid = '' },
        spec,
      } = queue;
      if (problem?.reason === 'Deleting') return REMOVAL_PAUSE_MS;
      const checkMs = observed.schedulers ? Math.min(fullCheckMs, SCHEDULERS_CHECK_MS) : fullCheckMs;
      const retryMs = problem ? retryAfterMs(conditions, new Date(nowMs), random()) : spreadMs(checkMs, random());
      // However long the queue has waited for something else; with one claimant who goes on, as with any problem.
      const isNewlyLost = problem?.reason === 'OwnershipLost' && isNews(queue, 'OwnershipLost');
      const windowMs = problem || !observed.policy ? undefined : limiter.lookAgainMs(uid, observed.policy);
      const limiterMs = limiterEndsMs(status, { windows: limiter.verdict(uid), nowMs });
      const drainMs = drainDueMs({ ...observed, spec, removed: removedSchedulers(plan) });
      const releaseMs = former.requeueMs(queue, { observed, done }, formerRedis);
      return soonestMs([
        retryMs,
        isNewlyLost ? PLAN_AGAIN_MS : undefined,
        plan.dueMs,
        drainMs,
        problem && observed.probeAfterMs,
        windowMs,
        limiterMs,
        releaseMs,
      ]);
    },
  };
}

/** How often job schedulers are compared with Redis: one that has stopped misses its runs until then. */
const SCHEDULERS_CHECK_MS = 30_000;

/** After another claimant changed the owner mark: what it says is read again. */
const PLAN_AGAIN_MS = 1_000;

/** Between two reconciles that remove jobs: what else uses the same Redis, and other objects, have their turn. */
const REMOVAL_PAUSE_MS = 500;

/** Whether a step changes what workers see; the rest is bookkeeping. */
const CHANGES_POLICY: Readonly<Record<QueueStep['kind'], boolean>> = {
  addFinalizer: false,
  removeFinalizer: false,
  claim: false,
  leaveClaim: false,
  release: false,
  beginRemoval: false,
  obliterate: false,
  endRemoval: false,
  pause: true,
  movePausedJobs: false,
  resume: true,
  endRestore: true,
  setRateLimit: true,
  clearRateLimit: true,
  setGlobalConcurrency: true,
  clearGlobalConcurrency: true,
  claimDeadLetters: true,
  releaseDeadLetters: true,
  beginDeadLetterRemoval: false,
  obliterateDeadLetters: false,
  endDeadLetterRemoval: false,
  upsertScheduler: true,
  removeScheduler: true,
};

function reportSteps(
  queue: Queue,
  { plan, done }: Outcome<ObservedQueue, QueuePlan, QueueReason>,
  event: RecordEvent<QueueReason>,
  metrics: QueueMetrics,
): void {
  const claims = done.filter(({ kind }) => kind === 'claim');
  const changes = done.filter(({ kind }) => CHANGES_POLICY[kind]);
  const drifted = isDrift(queue, plan);
  if (plan.adopts && claims.length > 0) event('Adopted', sentence(claims));
  if (changes.length > 0) event(drifted ? 'DriftRepaired' : 'PolicyApplied', sentence(changes));
  for (const { kind } of changes) metrics.changed(kind, drifted);
  for (const step of done) {
    if (step.kind === 'obliterateDeadLetters') event('DataRemoved', 'the dead-letter queue was removed from Redis');
    if (step.kind === 'obliterate') event('DataRemoved', describeRemoval(queue, step), step.hasWorkers && 'Warning');
    if (step.kind === 'removeFinalizer' && step.dataRetained !== undefined)
      event('DataRetained', `the data stays in Redis: ${step.dataRetained}`, 'Warning');
    const left = step.kind === 'removeFinalizer' ? leftBehind(queue) : undefined;
    if (left && queue.metadata.deletionTimestamp) event(left.reason, left.message, 'Warning');
  }
}

/** Nobody sees it later: the object goes. */
function describeRemoval(queue: Queue, { hasWorkers }: Extract<QueueStep, { kind: 'obliterate' }>): string {
  const removed = 'all data of the queue was removed from Redis';
  if (!hasWorkers) return removed;
  return `${removed}; workers are still connected to it: stop them, for each writes ${queueKey(queueRef(queue), 'meta')} again when it searches for stalled jobs`;
}

/** Whether somebody else caused the difference: this generation of the spec was applied before. */
function isDrift(queue: Queue, plan: QueuePlan): boolean {
  const applied = findCondition(queue.status?.conditions, 'Ready');
  return !plan.adopts && applied?.status === 'True' && applied.observedGeneration === queue.metadata.generation;
}

function sentence(steps: readonly QueueStep[]): string {
  return steps.map(describeStep).join('; ');
}
