import { WORKER_POOLS } from '@redis-queue/api';
import {
  isAlreadyExists,
  isConflict,
  keyOf,
  type Applied,
  type KindContext,
  type KubeClient,
} from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { describeRefusal, isRefusal, type Refusals } from './deployment/refusals.ts';
import { fenceOf, isOurSize, liveReplicas } from './deployment/replicas.ts';
import type { PoolStep } from './deployment/steps.ts';
import { takeOver } from './deployment/take-over.ts';
import { describeStep } from './describe.ts';
import { applyBudget, applySize, applyTemplate, createDeployment } from './deployment/write.ts';
import type { Deployment } from './kubernetes/objects.ts';
import type { Reason } from './kubernetes/reasons.ts';
import { observeLive } from './observe.ts';
import { planPool } from './plan.ts';
import { scaledEvent, type DecisionLedger } from './size/ledger.ts';
import type { ObservedPool, PoolPlan } from './steps.ts';

export interface ApplyDeps {
  readonly ledger: DecisionLedger;
  readonly refusals: Refusals;
  readonly metrics: { wrote(kind: PoolStep['kind']): void };
}

/** What was done of a plan; the observation has the Deployment as the steps left it. */
type AppliedPool = Applied<ObservedPool, PoolPlan, Reason> & { readonly observed: ObservedPool };

/** Others write Deployments too (their controller does on every pod); more rounds than this mean something is wrong. */
const MAX_CONFLICTS = 5;
const OVERRULED =
  'a webhook or policy changes the Deployment as it is written, so that it is not what the pool asks for; exempt it. It is written again in 5 minutes.';

/**
 * Carries a pool's plan out. Caches may lag and hold no managed fields: before anything is written, the Deployment is
 * read from the API server and the plan made again; and once more whenever somebody wrote it in between.
 *
 * @throws what the API server throws, except for a refusal of the Deployment, which is the pool's problem.
 */
export async function applyPool(
  pool: PoolObject,
  { observed, plan }: { observed: ObservedPool; plan: PoolPlan },
  context: KindContext<Reason>,
  deps: ApplyDeps,
): Promise<AppliedPool> {
  if (isNothingToDo(plan, observed)) return { observed, done: [] };
  for (let conflicts = 0; ; conflicts++) {
    try {
      return await applyLive(pool, observed, context, deps);
    } catch (error) {
      if ((!isConflict(error) && !isAlreadyExists(error)) || conflicts >= MAX_CONFLICTS) throw error;
    }
  }
}

/**
 * Whether the caches are enough. What keeps a pool from its spec (its Queues, its Secret, its template, a Deployment of
 * somebody else with our label) comes from them, so that no live object would change it: a pool whose Queue is broken
 * costs the API server nothing. Who contests the size, only managed fields show.
 */
function isNothingToDo({ steps, problem, contest }: PoolPlan, { deployment }: ObservedPool): boolean {
  return steps.length === 0 && !contest && (problem !== undefined || deployment !== undefined);
}

/** A refusal by the API server ends the plan there: the steps after it come from the same spec. */
async function applyLive(
  pool: PoolObject,
  cached: ObservedPool,
  context: KindContext<Reason>,
  deps: ApplyDeps,
): Promise<AppliedPool> {
  const { client, signal, now, event } = context;
  const { refusals } = deps;
  const uid = pool.metadata.uid ?? '';
  const nowMs = now().getTime();
  const live = { ...(await observeLive(pool, cached, client, signal)), nowMs };
  const plan = planPool(pool, live);
  if (plan.steps.some(creates) && !(await exists(pool, client, signal))) {
    return { observed: live, plan: { steps: [] }, done: [] };
  }
  const refused = refusals.recall(uid, plan, live.deployment, nowMs);
  const done: PoolStep[] = [];
  let { deployment } = live;
  for (const step of refused?.stillToDo ?? plan.steps) {
    const before = deployment;
    try {
      deployment = await applyStep(client, step, before, signal);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const problem = describeRefusal(step, error);
      const retryAtMs = refusals.note(uid, { step, plan, live: live.deployment }, problem, nowMs);
      return { observed: { ...live, deployment, retryAtMs }, plan, done, problem };
    }
    done.push(step);
    report(pool, step, before, context, deps);
  }
  if (refused) {
    const { problem, untilMs } = refused;
    return { observed: { ...live, deployment, retryAtMs: untilMs }, plan, done, ...(problem && { problem }) };
  }
  refusals.forget(uid);
  const left = planPool(pool, { ...live, deployment });
  if (plan.steps.length > 0 && refusals.noteOverruled(uid, left, deployment, nowMs)) {
    event('DriftRepaired', OVERRULED, 'Warning');
  }
  return { observed: { ...live, deployment }, plan, done };
}

/**
 * Does one step; doing it twice changes nothing.
 *
 * @param current the Deployment as the plan saw it or the step before left it.
 * @returns the Deployment as it is now.
 * @throws ApiError Conflict when it is no longer the one that the plan saw: observe and plan again.
 */
export async function applyStep(
  client: KubeClient,
  step: PoolStep,
  current: Deployment | undefined,
  signal?: AbortSignal,
): Promise<Deployment | undefined> {
  if (step.kind === 'applyBudget') {
    await applyBudget(client, step, signal);
    return current;
  }
  if (step.kind === 'scale')
    return applySize(client, required(current), step, { force: true, ...(signal && { signal }) });
  if (step.kind === 'takeOver') return takeOver(client, step, required(current), signal);
  if (step.kind === 'applyTemplate') return applyTemplate(client, step, required(current), signal);
  return createDeployment(client, step, signal);
}

function required(current: Deployment | undefined): Deployment {
  if (!current) throw new Error('a step that changes a Deployment was planned where there is none');
  return current;
}

function creates(step: PoolStep): boolean {
  return step.kind === 'create' || (step.kind === 'applyBudget' && step.live === undefined);
}

/**
 * Whether the pool is still there, read from the API server: its Deployment is deleted after it, but either watch may
 * report first, and nothing may be created for a pool that is gone.
 */
async function exists(pool: PoolObject, client: KubeClient, signal: AbortSignal): Promise<boolean> {
  const live = await client.get<PoolObject>(WORKER_POOLS, keyOf(pool), { signal });
  return live?.metadata.uid === pool.metadata.uid;
}

/** Events, metrics and history of a step that was done. */
function report(
  pool: PoolObject,
  step: PoolStep,
  before: Deployment | undefined,
  { event, now }: KindContext<Reason>,
  { metrics, ledger }: ApplyDeps,
): void {
  const { name, uid = '' } = pool.metadata;
  metrics.wrote(step.kind);
  if (step.kind === 'create') return event('DeploymentCreated', `Deployment ${name} ${describeStep(step)}`);
  if (step.kind === 'applyTemplate') {
    const reason = step.drift ? 'DriftRepaired' : 'DeploymentUpdated';
    return event(reason, `Deployment ${name}: ${describeStep(step)}`);
  }
  if (step.kind === 'takeOver') {
    const whose = step.manager === undefined ? 'nobody else had written' : `${step.manager} had written`;
    return event('ReplicasTakenOver', `Deployment ${name}: the size, which ${whose}, is the pool's again`);
  }
  if (step.kind === 'applyBudget') {
    if (step.drift) event('DriftRepaired', `PodDisruptionBudget ${name}: ${describeStep(step)}`);
    return;
  }
  const from = before ? liveReplicas(before) : 0;
  if (from === step.replicas) return;
  const scaling = { atMs: now().getTime(), from, to: step.replicas, reason: step.reason };
  ledger.scaled(uid, scaling);
  if (before && fenceOf(before) && !isOurSize(before)) {
    return event('DriftRepaired', `Deployment ${name}: ${step.reason}, from ${from} to ${step.replicas} replicas`);
  }
  const { reason, message } = scaledEvent(scaling);
  event(reason, message);
}
