import { isConflict } from '../client/api-error.ts';
import type { KubeClient } from '../client/kube-client.ts';
import type { ReconcileContext, ReconcileResult } from '../controller/types.ts';
import type { EventRecorder } from '../events/event-types.ts';
import { addFinalizer, hasFinalizer, removeFinalizer, type FinalizerStep } from './finalizers.ts';
import { isNews, kindConditions } from './conditions.ts';
import { describeFailure, type FailureReason } from './failures.ts';
import { eventType } from './reasons.ts';
import { soonestMs } from './requeue.ts';
import type { StatusWriter } from './status-writer.ts';
import type { Kind, KindContext, KindObject, Outcome, Plan, Problem, RecordEvent, StatusOf } from './types.ts';

export interface KindRuntime<T extends KindObject> {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly status: StatusWriter<T>;
  readonly now: () => Date;
}

/**
 * Brings one object to its spec: observe, plan, apply, report. Writes nothing when nothing differs.
 *
 * Whatever fails is reported in the object's conditions before it is rethrown for a back-off; only a conflict is not,
 * because the next try reads what somebody else wrote.
 */
export async function reconcileKind<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Kind<T, O, P, R | FailureReason>,
  { object, signal, log }: ReconcileContext<T>,
  runtime: KindRuntime<T>,
): Promise<ReconcileResult> {
  if (!object || isLeaving(kind, object)) return undefined;
  const event = recordEvents(kind, object, runtime.events);
  const { client, now } = runtime;
  const applyFinalizer = (step: FinalizerStep): Promise<void> => writeFinalizer(kind, client, object, step);
  const context = { client, signal, log, now, event, applyFinalizer };
  let outcome: Outcome<O, P, R | FailureReason>;
  try {
    outcome = await carryOut(kind, object, context);
  } catch (error) {
    if (!signal.aborted && !isConflict(error)) await reportFailure(kind, object, error, context, runtime);
    throw error;
  }
  const nowMs = now().getTime();
  kind.report?.(object, outcome, { nowMs, event });
  // The object is gone with its last finalizer: there is no status left to write.
  if (object.metadata.deletionTimestamp && outcome.done.some((step) => kindOf(step) === 'removeFinalizer'))
    return undefined;
  if (outcome.problem) reportProblem(kind, object, outcome.problem, context);
  const status = kind.status(object, outcome, new Date(nowMs));
  const delayMs = kind.statusDelayMs
    ? kind.statusDelayMs(object, outcome, status, nowMs)
    : runtime.status.differs(object, status)
      ? 0
      : undefined;
  if (delayMs === 0) {
    await runtime.status.write(object, status, signal);
    kind.statusWritten?.(object, outcome, status, { nowMs, event });
  }
  const waitMs = soonestMs([
    delayMs === 0 ? undefined : delayMs,
    kind.requeueMs?.(object, outcome, status, { nowMs, event }),
  ]);
  return waitMs === undefined ? undefined : { requeueAfterMs: waitMs };
}

/** Whether the object is being deleted and waits for others, not for us. */
function isLeaving({ finalizer }: { finalizer?: string }, object: KindObject): boolean {
  if (!object.metadata.deletionTimestamp) return false;
  return finalizer === undefined || !hasFinalizer(object, finalizer);
}

async function carryOut<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Kind<T, O, P, R>,
  object: T,
  context: KindContext<R>,
): Promise<Outcome<O, P, R>> {
  const observed = await kind.observe(object, context);
  const plan = kind.plan(object, observed, context.now());
  const applied = await kind.apply(object, { observed, plan }, context);
  const carried = applied.plan ?? plan;
  return {
    observed: applied.observed ?? observed,
    plan: carried,
    done: applied.done,
    problem: applied.problem ?? (carried.problem as Problem<R> | undefined),
  };
}

function reportProblem<T extends KindObject, R extends string>(
  kind: { reasons: Kind<T, unknown, Plan, R>['reasons'] },
  object: T,
  { reason, message }: Problem<R>,
  { log, event }: Pick<KindContext<R>, 'log' | 'event'>,
): void {
  if (!isNews(object, reason)) return;
  log.warn({ reason }, message);
  event(reason, message, kind.reasons[reason].kind === 'ready' ? 'Normal' : 'Warning');
}

/** Says in the conditions what failed; the rest of the status stays as it was. */
async function reportFailure<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Kind<T, O, P, R | FailureReason>,
  object: T,
  error: unknown,
  context: KindContext<R | FailureReason>,
  { status, now }: KindRuntime<T>,
): Promise<void> {
  const failure = describeFailure(error);
  reportProblem(kind, object, failure, context);
  const conditions = kindConditions(object, kind.reasons, failure, {}, now());
  const said = { ...status.ownedOf(object), conditions } as Partial<StatusOf<T>>;
  if (!status.differs(object, said)) return;
  try {
    await status.write(object, said, context.signal);
  } catch (unwritten) {
    context.log.error({ err: unwritten, reason: failure.reason }, `status cannot be written: ${failure.message}`);
  }
}

function recordEvents<T extends KindObject, R extends string>(
  { reasons }: { reasons: Kind<T, unknown, Plan, R>['reasons'] },
  object: T,
  events: EventRecorder,
): RecordEvent<R> {
  return (reason, message, type = eventType(reasons[reason].kind)) => events.record(object, { type, reason, message });
}

async function writeFinalizer<T extends KindObject>(
  { name, type, finalizer }: { name: string; type: Kind<T, unknown, Plan, string>['type']; finalizer?: string },
  client: KubeClient,
  object: T,
  step: FinalizerStep,
): Promise<void> {
  if (finalizer === undefined) throw new Error(`kind ${name} plans ${step.kind} and declares no finalizer`);
  await (step.kind === 'addFinalizer' ? addFinalizer : removeFinalizer)(client, type, object, finalizer);
}

function kindOf(step: unknown): unknown {
  return (step as { kind?: unknown }).kind;
}
