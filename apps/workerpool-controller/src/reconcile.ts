import { WORKER_POOLS, type WorkerPoolStatus } from '@redis-queue/api';
import {
  isConflict,
  isInvalid,
  isOwnedBy,
  keyOf,
  type EventRecorder,
  type KubeClient,
  type ReconcileContext,
  type ReconcileResult,
} from '@redis-queue/controller';
import { applyStep } from './apply.ts';
import type { DecisionLedger } from './ledger.ts';
import type { PoolMetrics } from './metrics.ts';
import { observeCached, observeLive, type Sources } from './observe.ts';
import { describeStep, planPool, type PoolPlan, type PoolStep } from './plan.ts';
import { REASONS, type Problem, type Reason } from './reasons.ts';
import { liveReplicas } from './replicas.ts';
import type { Deployment, PoolObject } from './resources.ts';
import { compareStatus, isNews, poolStatus } from './status.ts';

export interface ReconcileDeps {
  readonly sources: Sources;
  readonly ledger: DecisionLedger;
  readonly events: EventRecorder;
  readonly metrics: PoolMetrics;
  readonly busConfigured: boolean;
  writeStatus(pool: PoolObject, status: WorkerPoolStatus): Promise<void>;
  now(): Date;
  /** When each pool's status was last written, by uid: numbers that move with every decision wait for their turn. */
  readonly statusWrites: Map<string, number>;
}

/** Numbers alone are written at most so often a pool. */
export const NUMBERS_INTERVAL_MS = 15_000;
/** What no watch tells of is looked at again so often: a foreign Deployment without our label. */
const FOREIGN_RETRY_MS = 10_000;
/** Others write Deployments too (their controller does on every pod); more rounds than this mean something is wrong. */
const MAX_CONFLICTS = 5;

interface Outcome {
  readonly plan: PoolPlan;
  readonly problem?: Problem | undefined;
  readonly deployment: Deployment | undefined;
}

/** Brings one pool to its spec: observe, plan, apply, report. Writes nothing when nothing differs. */
export async function reconcilePool(
  { object: pool, signal, log }: ReconcileContext<PoolObject>,
  deps: ReconcileDeps,
): Promise<ReconcileResult> {
  if (!pool || pool.metadata.deletionTimestamp) return undefined;
  const cached = observeCached(pool, deps.sources, deps.now().getTime());
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
    contest?.untilMs === undefined ? undefined : contest.untilMs - deps.now().getTime() + 1_000,
    problem?.reason === 'DeploymentExists' || problem?.reason === 'FormerDeployment' ? FOREIGN_RETRY_MS : undefined,
  ]);
}

/** Looks at the live Deployment, plans again, and does the steps; starts over when somebody wrote it in between. */
async function act(
  pool: PoolObject,
  cached: ReturnType<typeof observeCached>,
  deps: ReconcileDeps,
  signal: AbortSignal,
): Promise<Outcome> {
  for (let conflicts = 0; ; conflicts++) {
    const observed = await observeLive(pool, cached, deps.sources.client, signal);
    const plan = planPool(pool, { ...observed, nowMs: deps.now().getTime() });
    let { deployment } = observed;
    if (plan.steps.some(({ kind }) => kind === 'create') && !(await exists(pool, deps.sources.client, signal))) {
      return { plan: { steps: [] }, deployment };
    }
    try {
      for (const step of plan.steps) {
        const before = deployment;
        deployment = await applyStep(deps.sources.client, step, before, signal);
        tell(pool, step, before, deps);
      }
      return { plan, deployment };
    } catch (error) {
      if (isInvalid(error)) {
        const message = `the API server refuses the Deployment: ${(error as Error).message}`;
        return { plan, deployment, problem: { reason: 'TemplateInvalid', message } };
      }
      if (!isConflict(error) || conflicts >= MAX_CONFLICTS) throw error;
    }
  }
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
  const from = before ? liveReplicas(before) : 0;
  if (from === step.replicas) return;
  deps.ledger.scaled(pool.metadata.uid ?? '', {
    atMs: deps.now().getTime(),
    from,
    to: step.replicas,
    reason: step.reason,
  });
  say(deps, pool, 'Scaled', `from ${from} to ${step.replicas} replicas: ${step.reason}`);
}

/** Writes status if it has news. @returns after how many ms numbers that wait for their turn are due */
async function report(pool: PoolObject, outcome: Outcome, deps: ReconcileDeps): Promise<number | undefined> {
  const uid = pool.metadata.uid ?? '';
  const { deployment, problem, plan } = outcome;
  const scalings = deps.ledger.untold(uid);
  const now = deps.now();
  const status = poolStatus(
    pool,
    {
      deployment: deployment && isOwnedBy(deployment, pool) ? deployment : undefined,
      problem,
      contest: plan.contest,
      decision: deps.ledger.decision(uid),
      scalings,
      busConfigured: deps.busConfigured,
    },
    now,
  );
  const news = compareStatus(pool.status, status);
  if (news === 'none') return undefined;
  const dueInMs = (deps.statusWrites.get(uid) ?? 0) + NUMBERS_INTERVAL_MS - now.getTime();
  if (news === 'numbers' && dueInMs > 0) return dueInMs;
  await deps.writeStatus(pool, status);
  deps.statusWrites.set(uid, now.getTime());
  deps.ledger.told(uid, scalings);
  return undefined;
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
  const known = waits.filter((wait) => wait !== undefined);
  return known.length > 0 ? { requeueAfterMs: Math.max(0, Math.min(...known)) } : undefined;
}
