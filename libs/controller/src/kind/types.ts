import type { Logger } from 'pino';
import type { KubeClient } from '../client/kube-client.ts';
import type { Condition } from '../objects/conditions.ts';
import type { Resource, ResourceType } from '../objects/resources.ts';
import type { FinalizerStep } from '../finalizers/finalizers.ts';
import type { ReasonKinds } from './reasons.ts';

/** An object with a status, as every kind has one. */
export interface KindObject extends Resource {
  status?: { observedGeneration?: number; conditions?: Condition[] };
}

export type StatusOf<T extends KindObject> = NonNullable<T['status']>;

/** Why an object cannot be brought to its spec now, or what else there is to say about it. */
export interface Problem<R extends string = string> {
  readonly reason: R;
  /** A sentence for people: the object, the field, why, and the way out. Never a secret. */
  readonly message: string;
}

export interface Plan<Step = unknown, R extends string = string> {
  /** In the order in which they are done; none when nothing differs. */
  readonly steps: readonly (Step | FinalizerStep)[];
  /** What stands in the way of the spec. */
  readonly problem?: Problem<R>;
}

/** What became of a plan. */
export interface Applied<O, P extends Plan, R extends string> {
  /** The steps that were done, in order. */
  readonly done: readonly P['steps'][number][];
  /** Why the rest was not. */
  readonly problem?: Problem<R>;
  /** What ended the plan early; the skeleton throws it once what was done is reported. */
  readonly failure?: { readonly error: unknown };
  /** What is now, where the steps changed what was observed. */
  readonly observed?: O;
  /** The plan that was carried out, where a second observation changed it. */
  readonly plan?: P;
}

/** All that a reconcile found out and did, for the status, events and the next reconcile. */
export interface Outcome<O, P extends Plan, R extends string> {
  readonly observed: O;
  readonly plan: P;
  readonly done: readonly P['steps'][number][];
  /** What stands between the spec and the world after the plan was carried out. */
  readonly problem: Problem<R> | undefined;
  /** What ended the plan early. Only `report` ever sees an outcome with one. */
  readonly failure?: { readonly error: unknown };
}

/** Records an event on the object. Without a type it is a Warning when the reason's kind is one of trouble. */
export type RecordEvent<R extends string> = (reason: R, message: string, type?: 'Normal' | 'Warning') => void;

/** What the skeleton hands to a kind's functions that do I/O. */
export interface KindContext<R extends string> {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly now: () => Date;
  readonly event: RecordEvent<R>;
  /** Adds or removes the kind's finalizer; see `isFinalizerStep`. */
  readonly applyFinalizer: (step: FinalizerStep) => Promise<void>;
}

/** What the functions that report get beside the outcome. */
export interface ReportContext<R extends string> {
  readonly nowMs: number;
  readonly event: RecordEvent<R>;
}

/** What is remembered per object, by uid, and may be lost with the process. */
export interface ObjectMemory {
  forget(uid: string): void;
}

/**
 * What is particular to a kind. The rest (fetching, finalizer, conditions, status writes, events, requeue, reporting of
 * failures) is `manageKind`'s.
 *
 * `plan` and `status` are pure. `observe` and `apply` throw what the API server throws; the skeleton turns it into a
 * condition.
 */
export interface Kind<T extends KindObject, O, P extends Plan, R extends string> {
  /** Names the controller in logs and metrics. */
  readonly name: string;
  readonly type: ResourceType;
  /** Every reason of the kind's conditions and events. */
  readonly reasons: ReasonKinds<R>;
  /** Held while something outside Kubernetes has to be dealt with before the object goes. */
  readonly finalizer?: string;
  /** Fields of the status that a reconcile owns, where another writer owns the rest; absent: all. */
  readonly statusFields?: readonly (keyof StatusOf<T> & string)[];
  /** What `apply`, `report` and `statusDelayMs` remember per object; forgotten when it is deleted. */
  readonly memories?: readonly ObjectMemory[];

  /** Reads what is; writes nothing. */
  observe(object: T, context: KindContext<R>): Promise<O>;
  /** What has to change for the spec to hold. */
  plan(object: T, observed: O, now: Date): P;
  /** Carries the plan out; each step is idempotent. */
  apply(
    object: T,
    found: { readonly observed: O; readonly plan: P },
    context: KindContext<R>,
  ): Promise<Applied<O, P, R>>;
  /** What the status should say; deeply equal for an unchanged outcome. */
  status(object: T, outcome: Outcome<O, P, R>, now: Date): StatusOf<T>;

  /** Events and metrics of what was done, also when a later step failed. */
  report?(object: T, outcome: Outcome<O, P, R>, context: ReportContext<R>): void;
  /**
   * After how many ms a status that differs may be written, so that numbers that move all the time cost little; 0 is
   * now, undefined not for this change. Default: now, whenever anything differs.
   */
  statusDelayMs?(object: T, outcome: Outcome<O, P, R>, status: StatusOf<T>, nowMs: number): number | undefined;
  /** Events and metrics of a status that was written; `object` still has the one before. */
  statusWritten?(object: T, outcome: Outcome<O, P, R>, status: StatusOf<T>, context: ReportContext<R>): void;
  /**
   * After how many ms to reconcile again at the latest; undefined: when something changes. It may record an event about
   * what has lasted for long enough.
   */
  requeueMs?(object: T, outcome: Outcome<O, P, R>, status: StatusOf<T>, context: ReportContext<R>): number | undefined;
}
