import { hasProbes, WORKER_POOL_REASONS, WORKER_POOLS, type WorkerPoolStatus } from '@redis-queue/api';
import {
  isOwnedBy,
  soonestMs,
  type Kind,
  type Outcome,
  type RecordEvent,
  type StatusPace,
} from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { applyPool, type ApplyDeps } from './apply.ts';
import { untrackedSecrets } from './deployment/config.ts';
import { fenceOf } from './deployment/replicas.ts';
import { cameInUnseen, progressDeadlineMs } from './deployment/rollout.ts';
import type { Deployment } from './kubernetes/objects.ts';
import type { Reason } from './kubernetes/reasons.ts';
import type { PoolMetrics, RolloutOutcome } from './metrics.ts';
import { observeCached, podsOf, type Sources } from './observe.ts';
import { planPool } from './plan.ts';
import { blockedPods } from './pods/blocked.ts';
import { killedPods } from './pods/killed.ts';
import { latePods } from './pods/late.ts';
import type { PodStarts } from './pods/start-time.ts';
import type { StuckPods } from './stuck/stuck-pods.ts';
import type { BusState } from './size/bus-state.ts';
import { firstDecisionDueMs } from './size/size.ts';
import { poolStatus, type StatusFacts } from './status.ts';
import { statusEvents } from './status/events.ts';
import type { LastingStates } from './status/lasting.ts';
import { compareStatus, WRITTEN_EVERY_MS } from './status/news.ts';
import { unavailableDueMs } from './status/service.ts';
import type { ObservedPool, PoolPlan } from './steps.ts';

export interface PoolKindDeps extends ApplyDeps {
  readonly sources: Sources;
  readonly metrics: PoolMetrics;
  /** Numbers and holds that move with every decision wait for their turn. */
  readonly pace: StatusPace;
  readonly lasting: LastingStates;
  readonly starts: PodStarts;
  readonly stuck: StuckPods;
  busState(): BusState;
}

/** A pool after its steps were done, with all that its status reports. */
interface SettledPool extends ObservedPool {
  readonly facts?: StatusFacts;
}
type PoolOutcome = Outcome<SettledPool, PoolPlan, Reason>;

/** What no watch reports is checked this often: a foreign object without our label. */
const FOREIGN_RETRY_MS = 10_000;
const FOREIGN: ReadonlySet<Reason> = new Set(['DeploymentExists', 'FormerDeployment', 'DisruptionBudgetExists']);
/** How soon a pod is replaced once the status names it. */
const STUCK_RETRY_MS = 1_000;
/** The soonest that a rollout whose time is up is judged again, when what is in the way is no fault of its own. */
const JUDGEMENT_RETRY_MS = 5_000;

const ROLLOUT_OUTCOMES: Partial<Record<Reason, RolloutOutcome>> = {
  RolloutComplete: 'complete',
  ProgressDeadlineExceeded: 'failed',
  RolledBack: 'rolled-back',
};

/** What is particular to the WorkerPool kind. */
export function poolKind(deps: PoolKindDeps): Kind<PoolObject, SettledPool, PoolPlan, Reason> {
  const { sources, ledger, pace, lasting, starts, stuck, refusals, metrics } = deps;
  return {
    name: 'workerpool',
    type: WORKER_POOLS,
    reasons: WORKER_POOL_REASONS,
    memories: [ledger, pace, lasting, starts, stuck, refusals],

    observe: (pool, { now, signal }) => observeCached(pool, sources, now().getTime(), signal),
    plan: planPool,

    async apply(pool, found, context) {
      const carriedOut = await applyPool(pool, found, context, deps);
      const { deployment } = carriedOut.observed;
      const owned = deployment && isOwnedBy(deployment, pool) ? deployment : undefined;
      const uid = pool.metadata.uid ?? '';
      const pods = podsOf(pool, sources);
      const facts: StatusFacts = {
        deployment: owned,
        blocked: blockedPods(pods, owned),
        killed: killedPods(pool, pods, owned, context.now().getTime()),
        late: latePods(pods, progressDeadlineMs(pool), context.now().getTime()),
        podStartSeconds: hasProbes(pool) ? starts.seconds(uid, pool.status?.podStartSeconds) : undefined,
        untrackedSecrets: untrackedSecrets(pool, sources),
        unknownVersion: ledger.unknownVersion(uid),
        unapplied: ledger.unapplied(uid, context.now().getTime())?.problem,
        unspared: ledger.unspared(uid),
        decision: ledger.decision(uid),
        stuck: await stuck.act(pool, pods, ledger.decision(uid), context),
        scalings: ledger.unreported(uid),
        bus: deps.busState(),
      };
      return { ...carriedOut, observed: { ...carriedOut.observed, facts } };
    },

    status: (pool, { observed, plan, problem }, now) =>
      poolStatus(pool, { ...observed.facts!, contest: plan.contest, problem }, now),

    statusDelayMs(pool, outcome, status, nowMs) {
      const pendingMs = pendingDecisionMs(pool, outcome, nowMs);
      if (pendingMs !== undefined) return pendingMs;
      const news = compareStatus(pool.status, status);
      if (news === 'none') return undefined;
      return news === 'news' ? 0 : pace.waitMs(pool, WRITTEN_EVERY_MS[news], nowMs);
    },

    statusWritten(pool, { observed }, status, { nowMs, event }) {
      const { uid = '' } = pool.metadata;
      pace.wrote(uid, nowMs);
      ledger.reported(uid, observed.facts?.scalings ?? []);
      for (const { reason, message, type } of statusEvents(pool.status, status)) {
        event(reason, message, type);
        const ended = ROLLOUT_OUTCOMES[reason];
        if (ended) metrics.rollout(ended);
      }
    },

    requeueMs(pool, outcome, status, { nowMs, event }) {
      const { plan, problem, observed } = outcome;
      const decisionPending = pendingDecisionMs(pool, outcome, nowMs) !== undefined;
      return soonestMs([
        firstDecisionDueMs(pool, observed.deployment, { busConfigured: sources.busConfigured, nowMs }),
        plan.contest?.untilMs === undefined ? undefined : plan.contest.untilMs - nowMs + 1_000,
        problem && FOREIGN.has(problem.reason) ? FOREIGN_RETRY_MS : undefined,
        observed.retryAtMs === undefined ? undefined : observed.retryAtMs - nowMs,
        ledger.unapplied(pool.metadata.uid ?? '', nowMs)?.forMs,
        ...(decisionPending ? [] : [reportLasting(pool, status, nowMs, event)]),
        decisionPending ? undefined : judgementDueMs(pool, observed.facts?.deployment, status, nowMs),
        observed.facts?.stuck?.announced && STUCK_RETRY_MS,
        observed.facts?.late.dueInMs,
        observed.facts?.killed.dueInMs,
        stillDueMs(unavailableDueMs(pool, status, nowMs)),
      ]);
    },
  };

  /**
   * After how many ms the Deployment shows the size that a decision is just writing: one write of status reports both.
   */
  function pendingDecisionMs(pool: PoolObject, { observed }: PoolOutcome, nowMs: number): number | undefined {
    const { deployment, unapplied } = observed.facts ?? {};
    // It comes again and again, and the status has to say so meanwhile.
    if (unapplied) return undefined;
    return ledger.waitMs(pool.metadata.uid ?? '', deployment && fenceOf(deployment), nowMs);
  }

  /** Events of what keeps the pool from its size for long. @returns after how many ms the next is due */
  function reportLasting(
    pool: PoolObject,
    status: WorkerPoolStatus,
    nowMs: number,
    event: RecordEvent<Reason>,
  ): number | undefined {
    const { events, dueInMs } = lasting.observe(pool, status, nowMs);
    for (const { reason, message, type } of events) event(reason, message, type);
    return dueInMs;
  }
}

function stillDueMs(dueMs: number): number | undefined {
  return dueMs > 0 && Number.isFinite(dueMs) ? dueMs : undefined;
}

/** After how many ms a rollout that no watch will report has had its time; see `rolloutFailed`. */
function judgementDueMs(
  pool: PoolObject,
  deployment: Deployment | undefined,
  { rollout }: WorkerPoolStatus,
  nowMs: number,
): number | undefined {
  if (!deployment || rollout?.phase !== 'Progressing' || !cameInUnseen(pool, deployment)) return undefined;
  const dueMs = Date.parse(rollout.startedAt ?? '') + progressDeadlineMs(pool) - nowMs;
  return Number.isNaN(dueMs) ? undefined : Math.max(JUDGEMENT_RETRY_MS, dueMs);
}
