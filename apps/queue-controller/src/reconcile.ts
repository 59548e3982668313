import { isDeepStrictEqual } from 'node:util';
import { QUEUE_REASONS, type Queue, type QueueReason } from '@redis-queue/api';
import type { EventRecorder, ReconcileContext, ReconcileResult, Resource } from '@redis-queue/controller';
import { applyPlan, type Applied } from './apply.ts';
import { describeStep } from './describe.ts';
import type { QueueMetrics } from './metrics.ts';
import { observeQueue, queueRef, redisProblem, resolveConnection, type Sources } from './observe.ts';
import { planQueue } from './plan.ts';
import type { QueuePlan, QueueStep } from './steps.ts';
import type { Problem } from './reasons.ts';
import { isNews, queueStatus, retryAfterMs, type ReconciledStatus } from './status.ts';

/** How often an unchanged queue is compared with Redis, to repair what others changed there. */
export const DRIFT_CHECK_MS = 60_000;

export interface ReconcileDeps {
  readonly sources: Sources;
  readonly events: EventRecorder;
  readonly metrics: QueueMetrics;
  readonly driftCheckMs: number;
  patchStatus(queue: Queue, status: object): Promise<void>;
  setFinalizer(queue: Queue, present: boolean): Promise<void>;
  now(): Date;
  /** In [0, 1). */
  random(): number;
}

/** Brings one queue to its spec: observe, plan, apply, report. Writes nothing when nothing differs. */
export async function reconcileQueue(
  context: ReconcileContext<Queue & Resource>,
  deps: ReconcileDeps,
): Promise<ReconcileResult> {
  const { object: queue, signal, log } = context;
  if (!queue) return undefined;
  const observed = await observeQueue(queue, deps.sources);
  const plan = planQueue(queue, observed, deps.now());
  const writes = queue.spec.adoptionPolicy !== 'Observe' || queue.metadata.deletionTimestamp !== undefined;
  const applied = writes ? await apply(queue, plan, deps, signal) : { done: [] };
  const problem = plan.problem ?? applied.problem;
  report(queue, plan, applied, problem, deps);
  for (const step of applied.done) log.info({ step: step.kind }, describeStep(step));
  if (applied.done.some((step) => step.kind === 'removeFinalizer') && queue.metadata.deletionTimestamp)
    return undefined;
  const outcome = { ref: queueRef(queue), observed, plan, problem };
  const status = queueStatus(queue, outcome, deps.now());
  await writeStatus(queue, status, deps);
  if (problem) {
    log.warn({ reason: problem.reason }, problem.message);
    return { requeueAfterMs: retryAfterMs(status.conditions, deps.now(), deps.random()) };
  }
  return { requeueAfterMs: Math.round(deps.driftCheckMs * (0.9 + 0.2 * deps.random())) };
}

/** @throws what the API server throws; what Redis throws becomes the problem. */
async function apply(queue: Queue, plan: QueuePlan, deps: ReconcileDeps, signal: AbortSignal): Promise<Applied> {
  const connection = resolveConnection(queue, deps.sources);
  const redis = connection.ok ? deps.sources.connections.get(connection.target) : undefined;
  let fromApi: unknown;
  const setFinalizer = async (object: Queue, present: boolean): Promise<void> => {
    try {
      await deps.setFinalizer(object, present);
    } catch (error) {
      fromApi = error;
      throw error;
    }
  };
  try {
    return await applyPlan(queue, queueRef(queue), plan, { redis, setFinalizer }, signal);
  } catch (error) {
    if (error === fromApi || signal.aborted || !connection.ok) throw error;
    return { done: [], problem: redisProblem(error, connection.target, deps.sources.connections) };
  }
}

/** Steps that change what workers see; the rest is bookkeeping. */
const POLICY_STEPS: readonly QueueStep['kind'][] = [
  'pause',
  'resume',
  'setRateLimit',
  'clearRateLimit',
  'setGlobalConcurrency',
  'clearGlobalConcurrency',
];

function report(
  queue: Queue,
  plan: QueuePlan,
  { done }: Applied,
  problem: Problem | undefined,
  deps: ReconcileDeps,
): void {
  const say = (reason: QueueReason, message: string, type: 'Normal' | 'Warning' = 'Normal'): void =>
    deps.events.record(queue, { type, reason, message });
  const changes = done.filter(({ kind }) => POLICY_STEPS.includes(kind));
  const drifted = isDrift(queue, plan);
  if (plan.adopts && done.some(({ kind }) => kind === 'claim'))
    say('Adopted', sentence(done.filter(({ kind }) => kind === 'claim')));
  if (changes.length > 0) say(drifted ? 'DriftRepaired' : 'PolicyApplied', sentence(changes));
  for (const { kind } of changes) deps.metrics.changed(kind, drifted);
  for (const step of done) {
    if (step.kind === 'obliterate') say('DataRemoved', 'all data of the queue was removed from Redis');
    if (step.kind === 'removeFinalizer' && step.dataRetained)
      say('DataRetained', `the data stays in Redis: ${step.dataRetained}`, 'Warning');
  }
  if (problem && isNews(queue, problem.reason))
    say(problem.reason, problem.message, QUEUE_REASONS[problem.reason].kind === 'ready' ? 'Normal' : 'Warning');
}

/** Whether a difference is not of our spec's making: this generation was applied before. */
function isDrift(queue: Queue, plan: QueuePlan): boolean {
  const applied = queue.status?.conditions?.find(({ type }) => type === 'Ready');
  return !plan.adopts && applied?.status === 'True' && applied.observedGeneration === queue.metadata.generation;
}

function sentence(steps: readonly QueueStep[]): string {
  return steps.map(describeStep).join('; ');
}

/** Fields of ours that a new status may lack; a merge patch removes them only when told. */
const OPTIONAL_FIELDS = ['adoptedAt', 'plan'] as const;

async function writeStatus(queue: Queue, status: ReconciledStatus, deps: ReconcileDeps): Promise<void> {
  const before = queue.status ?? {};
  const patch = {
    ...Object.fromEntries(
      Object.entries(status).filter(
        ([field, value]) => !isDeepStrictEqual(value, before[field as keyof typeof before]),
      ),
    ),
    ...Object.fromEntries(
      OPTIONAL_FIELDS.filter((field) => before[field] !== undefined && status[field] === undefined).map((field) => [
        field,
        null,
      ]),
    ),
  };
  if (Object.keys(patch).length === 0) return;
  // A merge patch merges objects, so a rate limit that is no longer there has to be named.
  const effective =
    'effective' in patch ? { effective: { rateLimit: null, redisVersion: null, ...status.effective } } : {};
  await deps.patchStatus(queue, { ...patch, ...effective });
}
