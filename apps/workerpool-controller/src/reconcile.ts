import { WORKER_POOLS, type WorkerPoolStatus } from '@redis-queue/api';
import {
  isConflict,
  isOwnedBy,
  keyOf,
  type EventRecorder,
  type KubeClient,
  type ReconcileContext,
  type ReconcileResult,
} from '@redis-queue/controller';
import { applyStep } from './apply.ts';
import { untrackedSecrets } from './deployment/config.ts';
import { describeRefusal, isRefusal, type Refusals } from './deployment/refusals.ts';
import { fenceOf, liveReplicas } from './deployment/replicas.ts';
import { cameInUnseen, progressDeadlineMs } from './deployment/rollout.ts';
import { describeStep, type PoolStep } from './deployment/steps.ts';
import type { Deployment, PoolObject } from './kubernetes/objects.ts';
import { REASONS, type Problem, type Reason } from './kubernetes/reasons.ts';
import type { PoolMetrics, RolloutOutcome } from './metrics.ts';
import { observeCached, observeLive, podsOf, type Sources } from './observe.ts';
import { planPool } from './plan.ts';
import { blockedPods } from './pods/blocked.ts';
import { scaledEvent, type DecisionLedger } from './size/ledger.ts';
import { firstDecisionDueMs } from './size/size.ts';
import { isNews, poolStatus } from './status.ts';
import { statusEvents } from './status/events.ts';
import type { LastingStates } from './status/lasting.ts';
import { compareStatus } from './status/news.ts';
import type { StatusPace } from './status/pace.ts';
import type { ObservedPool, PoolPlan } from './steps.ts';

export interface ReconcileDeps {
  readonly sources: Sources;
  readonly ledger: DecisionLedger;
  readonly events: EventRecorder;
  readonly metrics: PoolMetrics;
  writeStatus(pool: PoolObject, status: WorkerPoolStatus): Promise<void>;
  now(): Date;
  /** Numbers and holds that move with every decision wait for their turn. */
  readonly pace: StatusPace;
  readonly lasting: LastingStates;
  readonly refusals: Refusals;
}

/** What no watch tells of is looked at again so often: a foreign object without our label. */
const FOREIGN_RETRY_MS = 10_000;
const FOREIGN: ReadonlySet<Reason> = new Set(['DeploymentExists', 'FormerDeployment', 'DisruptionBudgetExists']);
const OVERRULED =
  'a webhook or policy changes the Deployment as it is written, so that it is not what the pool asks for; exempt it. It is written again in 5 minutes.';
/** The soonest that a rollout whose time is up is judged again, when what is in the way is no fault of its own. */
const JUDGEMENT_RETRY_MS = 5_000;
/** Others write Deployments too (their controller does on every pod); more rounds than this mean something is wrong. */
const MAX_CONFLICTS = 5;

const ROLLOUT_OUTCOMES: Partial<Record<Reason, RolloutOutcome>> = {
  RolloutComplete: 'complete',
  ProgressDeadlineExceeded: 'failed',
  RolledBack: 'rolled-back',
};

interface Outcome {
  readonly plan: PoolPlan;
  readonly problem?: Problem | undefined;
  readonly deployment: Deployment | undefined;
  /** When what the API server refused is tried again. */
  readonly retryAtMs?: number;
}

/** Brings one pool to its spec: observe, plan, apply, report. Writes nothing when nothing differs. */
export async function reconcilePool(
  { object: pool, signal, log }: ReconcileContext<PoolObject>,
  deps: ReconcileDeps,
): Promise<ReconcileResult> {
  if (!pool || pool.metadata.deletionTimestamp) return undefined;
  const cached = await observeCached(pool, deps.sources, deps.now().getTime(), signal);
  const found = planPool(pool, cached);
  // Caches may lag and know no managed fields: before anything is written, the Deployment itself is asked.
  const untouched = found.steps.length === 0 && cached.deployment !== undefined && !found.problem && !found.contest;
  const outcome = untouched ? { plan: found, deployment: cached.deployment } : await act(pool, cached, deps, signal);
  const problem = outcome.problem ?? outcome.plan.problem;
  if (problem && isNews(pool, problem.reason)) {
    log.warn({ reason: problem.reason }, problem.message);
    say(deps, pool, problem.reason, problem.message, 'Warning');
  }
  const waitMs = await report(pool, { ...outcome, problem }, deps);
  const { contest } = outcome.plan;
  return soonest([
    waitMs,
    firstDecisionDueMs(pool, outcome.deployment, { ...deps.sources, nowMs: deps.now().getTime() }),
    contest?.untilMs === undefined ? undefined : contest.untilMs - deps.now().getTime() + 1_000,
    problem && FOREIGN.has(problem.reason) ? FOREIGN_RETRY_MS : undefined,
    outcome.retryAtMs === undefined ? undefined : outcome.retryAtMs - deps.now().getTime(),
  ]);
}

/**
 * Looks at the live objects, plans again, and does the steps; starts over when somebody wrote them in between.
 * What the API server refuses ends the plan there: the steps after it stand for the same spec.
 */
async function act(pool: PoolObject, cached: ObservedPool, deps: ReconcileDeps, signal: AbortSignal): Promise<Outcome> {
  const uid = pool.metadata.uid ?? '';
  for (let conflicts = 0; ; conflicts++) {
    const observed = await observeLive(pool, cached, deps.sources.client, signal);
    const nowMs = deps.now().getTime();
    const plan = planPool(pool, { ...observed, nowMs });
    let { deployment } = observed;
    if (plan.steps.some(creates) && !(await exists(pool, deps.sources.client, signal))) {
      return { plan: { steps: [] }, deployment };
    }
    const refused = deps.refusals.recall(uid, plan, deployment, nowMs);
    let doing: PoolStep | undefined;
    try {
      for (const step of refused?.stillToDo ?? plan.steps) {
        const before = deployment;
        doing = step;
        deployment = await applyStep(deps.sources.client, step, before, signal);
        tell(pool, step, before, deps);
      }
      if (refused) return { plan, deployment, problem: refused.problem, retryAtMs: refused.untilMs };
      deps.refusals.forget(uid);
      const left = planPool(pool, { ...observed, deployment, nowMs });
      if (plan.steps.length > 0 && deps.refusals.noteOverruled(uid, left, deployment, nowMs)) {
        say(deps, pool, 'DriftRepaired', OVERRULED, 'Warning');
      }
      return { plan, deployment };
    } catch (error) {
      if (doing && isRefusal(error)) {
        const problem = describeRefusal(doing, error);
        const retryAtMs = deps.refusals.note(uid, { step: doing, plan, live: observed.deployment }, problem, nowMs);
        return { plan, deployment, problem, retryAtMs };
      }
      if (!isConflict(error) || conflicts >= MAX_CONFLICTS) throw error;
    }
  }
}

function creates(step: PoolStep): boolean {
  return step.kind === 'create' || (step.kind === 'applyBudget' && step.live === undefined);
}

/**
 * Whether the pool is still there, asked of the API server: its Deployment goes after it, but which of the two watches
 * tells first is chance, and for a pool that is gone nothing may be created.
 */
async function exists(pool: PoolObject, client: KubeClient, signal: AbortSignal): Promise<boolean> {
  const live = await client.get<PoolObject>(WORKER_POOLS, keyOf(pool), { signal });
  return live?.metadata.uid === pool.metadata.uid;
}

/** Events, metrics and history of a step that was done. */
function tell(pool: PoolObject, step: PoolStep, before: Deployment | undefined, deps: ReconcileDeps): void {
  deps.metrics.wrote(step.kind);
  if (step.kind === 'create')
    return say(deps, pool, 'DeploymentCreated', `Deployment ${pool.metadata.name} ${describeStep(step)}`);
  if (step.kind === 'applyTemplate') {
    return say(
      deps,
      pool,
      step.drift ? 'DriftRepaired' : 'DeploymentUpdated',
      `Deployment ${pool.metadata.name}: ${describeStep(step)}`,
    );
  }
  if (step.kind === 'applyBudget') {
    if (!step.drift) return undefined;
    return say(deps, pool, 'DriftRepaired', `PodDisruptionBudget ${pool.metadata.name}: ${describeStep(step)}`);
  }
  const from = before ? liveReplicas(before) : 0;
  if (from === step.replicas) return;
  const scaling = { atMs: deps.now().getTime(), from, to: step.replicas, reason: step.reason };
  deps.ledger.scaled(pool.metadata.uid ?? '', scaling);
  const { reason, message } = scaledEvent(scaling);
  say(deps, pool, reason, message);
}

/** Writes status if it has news. @returns after how many ms numbers that wait for their turn are due */
async function report(pool: PoolObject, outcome: Outcome, deps: ReconcileDeps): Promise<number | undefined> {
  const uid = pool.metadata.uid ?? '';
  const { deployment, problem, plan } = outcome;
  const scalings = deps.ledger.untold(uid);
  const now = deps.now();
  const owned = deployment && isOwnedBy(deployment, pool) ? deployment : undefined;
  const decisionInMs = deps.ledger.waitMs(uid, owned && fenceOf(owned), now.getTime());
  if (decisionInMs !== undefined) return decisionInMs;
  const status = poolStatus(
    pool,
    {
      deployment: owned,
      problem,
      blocked: blockedPods(podsOf(pool, deps.sources), owned),
      untrackedSecrets: untrackedSecrets(pool, deps.sources),
      unknownVersion: deps.ledger.unknownVersion(uid),
      contest: plan.contest,
      decision: deps.ledger.decision(uid),
      scalings,
      busConfigured: deps.sources.busConfigured,
    },
    now,
  );
  const nowMs = now.getTime();
  const lasting = deps.lasting.observe(pool, status, nowMs);
  for (const { reason, message, type } of lasting.events) say(deps, pool, reason, message, type);
  const due = [judgementDueMs(pool, owned, status, now), lasting.dueInMs];
  const news = compareStatus(pool.status, status);
  if (news === 'none') return soonestMs(due);
  const waitMs = deps.pace.waitMs(uid, news, nowMs);
  if (waitMs > 0) return soonestMs([...due, waitMs]);
  await deps.writeStatus(pool, status);
  deps.pace.wrote(uid, nowMs);
  deps.ledger.told(uid, scalings);
  for (const { reason, message, type } of statusEvents(pool.status, status)) {
    say(deps, pool, reason, message, type);
    const ended = ROLLOUT_OUTCOMES[reason];
    if (ended) deps.metrics.rollout(ended);
  }
  return soonestMs(due);
}

/** After how many ms a rollout that no watch will tell of has had its time; see `rolloutFailed`. */
function judgementDueMs(
  pool: PoolObject,
  deployment: Deployment | undefined,
  { rollout }: WorkerPoolStatus,
  now: Date,
): number | undefined {
  if (!deployment || rollout?.phase !== 'Progressing' || !cameInUnseen(pool, deployment)) return undefined;
  const dueMs = Date.parse(rollout.startedAt ?? '') + progressDeadlineMs(pool) - now.getTime();
  return Number.isNaN(dueMs) ? undefined : Math.max(JUDGEMENT_RETRY_MS, dueMs);
}

function say(
  deps: ReconcileDeps,
  pool: PoolObject,
  reason: Reason,
  message: string,
  type: 'Normal' | 'Warning' = REASONS[reason].kind === 'stalled' ? 'Warning' : 'Normal',
): void {
  deps.events.record(pool, { type, reason, message });
}

function soonest(waits: (number | undefined)[]): ReconcileResult {
  const waitMs = soonestMs(waits);
  return waitMs === undefined ? undefined : { requeueAfterMs: Math.max(0, waitMs) };
}

function soonestMs(waits: (number | undefined)[]): number | undefined {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
