import { isNotFound } from '../client/api-error.ts';
import type { KubeClient } from '../client/kube-client.ts';
import type { ReconcileContext, ReconcileResult } from '../controller/types.ts';
import type { EventRecorder } from '../events/event-types.ts';
import { keyOf } from '../objects/resources.ts';
import { addFinalizer, hasFinalizer, removeFinalizer, type FinalizerStep } from '../finalizers/finalizers.ts';
import { isNews, kindConditions } from './conditions.ts';
import { describeFailure, type FailureReason } from './failures.ts';
import { eventType, isTrouble } from './reasons.ts';
import { soonestMs } from './requeue.ts';
import { NewerStatusError, type StatusWriter } from './status-writer.ts';
import type { Kind, KindContext, KindObject, Outcome, Plan, Problem, ReportContext, StatusOf } from './types.ts';

export interface KindRuntime<T extends KindObject> {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly status: StatusWriter<T>;
  readonly now: () => Date;
}

/** One reconcile of one object. */
interface Attempt<T extends KindObject, R extends string> extends KindContext<R> {
  /** As it was read; what is found and said is of this. */
  readonly object: T;
  /** As our own writes left it: the version to write on. */
  newest: T;
  readonly status: StatusWriter<T>;
}

/**
 * Brings one object to its spec: observe, plan, apply, report. Writes nothing when nothing differs. Where its status was
 * written since a cache has shown it, all is done once more by the object as it is: a cache may be silent for minutes.
 *
 * @throws whatever fails; see `reportKindFailure`, which the runner calls before the object is tried again.
 */
export async function reconcileKind<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Kind<T, O, P, R | FailureReason>,
  { object, signal, log }: ReconcileContext<T>,
  runtime: KindRuntime<T>,
): Promise<ReconcileResult> {
  if (!object) return undefined;
  const parts = { signal, log, ...runtime };
  try {
    return await reconcileVersion(kind, object, parts);
  } catch (error) {
    if (!(error instanceof NewerStatusError)) throw error;
    log.debug('its status was written since: it is reconciled as it is now');
    return await reconcileVersion(kind, error.newest as T, parts);
  }
}

async function reconcileVersion<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Kind<T, O, P, R | FailureReason>,
  object: T,
  parts: KindRuntime<T> & Pick<KindContext<R>, 'signal' | 'log'>,
): Promise<ReconcileResult> {
  if (isLeaving(kind, object)) return undefined;
  const { log } = parts;
  const attempt = beginAttempt(kind, object, parts);
  try {
    return await reconcileObject(kind, object, attempt);
  } catch (error) {
    if (!(await wasDeleted(kind, error, attempt))) throw error;
    log.debug({ err: error }, 'the object was deleted meanwhile');
    return undefined;
  }
}

async function reconcileObject<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Kind<T, O, P, R>,
  object: T,
  attempt: Attempt<T, R>,
): Promise<ReconcileResult> {
  const outcome = await carryOut(kind, object, attempt);
  const report = { nowMs: attempt.now().getTime(), event: attempt.event };
  kind.report?.(object, outcome, report);
  if (outcome.failure) throw outcome.failure.error;
  attempt.signal.throwIfAborted();
  if (isGone(object, outcome.done)) return undefined;
  if (outcome.problem) reportProblem(kind, attempt, outcome.problem);
  const status = kind.status(object, outcome, new Date(report.nowMs));
  const statusDueMs = await writeStatus(kind, attempt, { outcome, status, report });
  const waitMs = soonestMs([statusDueMs, kind.requeueMs?.(object, outcome, status, report)]);
  return waitMs === undefined ? undefined : { requeueAfterMs: waitMs };
}

function beginAttempt<T extends KindObject, R extends string>(
  kind: Pick<Kind<T, unknown, Plan, R>, 'name' | 'type' | 'reasons' | 'finalizer'>,
  object: T,
  { events, ...parts }: KindRuntime<T> & Pick<KindContext<R>, 'signal' | 'log'>,
): Attempt<T, R> {
  const attempt: Attempt<T, R> = {
    ...parts,
    object,
    newest: object,
    event: (reason, message, type = eventType(kind.reasons[reason].kind)) =>
      events.record(object, { type, reason, message }),
    applyFinalizer: async (step) => {
      attempt.newest = await writeFinalizer(kind, attempt, step);
    },
  };
  return attempt;
}

/** Whether the object is being deleted and waits for others, not for us. */
function isLeaving({ finalizer }: { finalizer?: string }, object: KindObject): boolean {
  if (!object.metadata.deletionTimestamp) return false;
  return finalizer === undefined || !hasFinalizer(object, finalizer);
}

/** Whether the object went with its last finalizer: there is no status left to write. */
function isGone(object: KindObject, done: readonly unknown[]): boolean {
  return object.metadata.deletionTimestamp !== undefined && done.some((step) => kindOf(step) === 'removeFinalizer');
}

/** Whether a write found nothing because the object is gone, as its cache will show: nothing failed. */
async function wasDeleted<T extends KindObject>(
  { type }: Pick<Kind<T, unknown, Plan, string>, 'type'>,
  error: unknown,
  { object, client, signal }: Pick<Attempt<T, string>, 'object' | 'client' | 'signal'>,
): Promise<boolean> {
  if (!isNotFound(error)) return false;
  const now = await client.get<T>(type, keyOf(object), { signal }).catch(() => object);
  return now?.metadata.uid !== object.metadata.uid;
}

/** A reconcile that was given up may still go on by itself when what hung answers: then it plans and does nothing more. */
async function carryOut<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Kind<T, O, P, R>,
  object: T,
  context: KindContext<R>,
): Promise<Outcome<O, P, R>> {
  const observed = await kind.observe(object, context);
  context.signal.throwIfAborted();
  const plan = kind.plan(object, observed, context.now());
  const applied = await kind.apply(object, { observed, plan }, context);
  const carried = applied.plan ?? plan;
  return {
    observed: applied.observed ?? observed,
    plan: carried,
    done: applied.done,
    problem: applied.problem ?? (carried.problem as Problem<R> | undefined),
    ...(applied.failure && { failure: applied.failure }),
  };
}

/** Writes the status if it differs and its time has come. @returns after how many ms it is due, if it waits */
async function writeStatus<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Kind<T, O, P, R>,
  { object, newest, status: writer, signal }: Attempt<T, R>,
  {
    outcome,
    status,
    report,
  }: { readonly outcome: Outcome<O, P, R>; readonly status: StatusOf<T>; readonly report: ReportContext<R> },
): Promise<number | undefined> {
  const always = (): 0 | undefined => (writer.differs(object, status) ? 0 : undefined);
  const delayMs = kind.statusDelayMs ? kind.statusDelayMs(object, outcome, status, report.nowMs) : always();
  if (delayMs !== 0) {
    writer.accept(object);
    return delayMs;
  }
  if (!(await writer.write(newest, status, signal))) return undefined;
  kind.statusWritten?.(object, outcome, status, report);
  return undefined;
}

function reportProblem<T extends KindObject, R extends string>(
  { reasons }: Pick<Kind<T, unknown, Plan, R>, 'reasons'>,
  { object, log, event }: Attempt<T, R>,
  { reason, message }: Problem<R>,
): void {
  if (!isNews(object, reason)) return;
  log[isTrouble(reasons[reason].kind) ? 'warn' : 'info']({ reason }, message);
  event(reason, message);
}

/**
 * Says in an object's conditions why its reconcile failed; the rest of the status stays as it was. The generation that
 * failed is the one that was observed: with an older one, kstatus would take the object for one in progress for ever,
 * and never read the conditions.
 *
 * @throws what keeps the status from being written.
 */
export async function reportKindFailure<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Kind<T, O, P, R | FailureReason>,
  { object, signal, log }: ReconcileContext<T>,
  error: unknown,
  runtime: KindRuntime<T>,
): Promise<void> {
  if (!object) return;
  const failure = describeFailure(error);
  reportProblem(kind, beginAttempt(kind, object, { signal, log, ...runtime }), failure);
  const { status, now } = runtime;
  const conditions = kindConditions(object, kind.reasons, failure, {}, now());
  const observedGeneration = object.metadata.generation ?? 0;
  const said = { ...status.ownedOf(object), observedGeneration, conditions } as Partial<StatusOf<T>>;
  if (status.differs(object, said)) await status.write(object, said, signal);
}

async function writeFinalizer<T extends KindObject>(
  { name, type, finalizer }: Pick<Kind<T, unknown, Plan, string>, 'name' | 'type' | 'finalizer'>,
  { client, newest, signal }: Pick<Attempt<T, string>, 'client' | 'newest' | 'signal'>,
  step: FinalizerStep,
): Promise<T> {
  if (finalizer === undefined) throw new Error(`kind ${name} plans ${step.kind} and declares no finalizer`);
  const write = step.kind === 'addFinalizer' ? addFinalizer : removeFinalizer;
  return await write(client, type, newest, finalizer, { signal });
}

function kindOf(step: unknown): unknown {
  return (step as { kind?: unknown }).kind;
}
