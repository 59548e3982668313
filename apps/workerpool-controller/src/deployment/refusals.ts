import { ApiError, isForbidden, isInvalid } from '@redis-queue/controller';
import type { Deployment } from '../kubernetes/objects.ts';
import type { Problem } from '../kubernetes/reasons.ts';
import { hashOf } from './deployment.ts';
import type { PoolStep } from './steps.ts';

/** What is to be written, in that order. */
interface Steps {
  readonly steps: readonly PoolStep[];
}

/**
 * How long a refusal stands: what it depends on besides the Deployment, such as a webhook or a policy, may change, and the
 * status has to say so within 10 s.
 */
export const REFUSAL_MS = 6_000;
/** How long it stands that what is written is changed on its way in: the pool runs, and an event told of it. */
export const OVERRULED_MS = 5 * 60_000;
const MAX_MESSAGE = 1_000;

interface Refusal {
  readonly build: string;
  readonly untilMs: number;
  /** Absent: it was accepted, and changed by a webhook or policy on the way in. */
  readonly problem?: Problem;
}

/** An answer that stands, and the steps that it does not stop. */
export interface StandingRefusal extends Refusal {
  readonly stillToDo: readonly PoolStep[];
}

/**
 * Builds of pools' Deployments that the API server refused, or stored differently from how they were sent, so that the
 * same is not written at every event of a pod. Losing them costs one write per pool.
 */
export class Refusals {
  readonly #byPool = new Map<string, Refusal>();

  /** The answer to this plan's build on this very Deployment; undefined: it has to be tried. */
  recall(poolUid: string, plan: Steps, live: Deployment | undefined, nowMs: number): StandingRefusal | undefined {
    const refusal = this.#byPool.get(poolUid);
    if (!refusal || refusal.untilMs <= nowMs || refusal.build !== buildOf(plan, live)) return undefined;
    const stops = plan.steps.findIndex(writesBuild);
    const after = refusal.problem ? [] : plan.steps.slice(stops + 1);
    return { ...refusal, stillToDo: [...plan.steps.slice(0, stops), ...after] };
  }

  /**
   * Remembers the answer to `step`, if that was the plan's build.
   * @returns when it is to be tried again.
   */
  note(
    poolUid: string,
    { step, plan, live }: { step: PoolStep; plan: Steps; live: Deployment | undefined },
    problem: Problem,
    nowMs: number,
  ): number {
    const build = writesBuild(step) ? buildOf(plan, live) : undefined;
    const untilMs = nowMs + REFUSAL_MS;
    if (build !== undefined) this.#byPool.set(poolUid, { build, problem, untilMs });
    return untilMs;
  }

  /**
   * @param plan what is planned on `live`, as the write of it left that.
   * @returns whether that is the same write again: somebody on the way in changes what is written.
   */
  noteOverruled(poolUid: string, plan: Steps, live: Deployment | undefined, nowMs: number): boolean {
    const build = plan.steps.some((step) => step.kind === 'applyTemplate' && step.drift) && buildOf(plan, live);
    if (!build) return false;
    this.#byPool.set(poolUid, { build, untilMs: nowMs + OVERRULED_MS });
    return true;
  }

  forget(poolUid: string): void {
    this.#byPool.delete(poolUid);
  }
}

/** Whether the API server, or an admission webhook or policy that it asks, finds fault with the object itself. */
export function isRefusal(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false;
  // A field that does not exist, or has another type, fails a server-side apply with an internal error (seen on 1.36).
  const mistyped = error.code === 500 && TYPED_PATCH.test(error.message);
  // Only the text distinguishes this from a right that the controller lacks.
  const denied = isForbidden(error) && /denied (the )?request/.test(error.message);
  return isInvalid(error) || mistyped || denied;
}

const TYPED_PATCH = /failed to create typed patch object \([^)]*\): /;

/** The answer as a condition says it: the fields and what is wrong with each, without the request. */
export function describeRefusal(step: PoolStep, { details, message }: ApiError): Problem {
  const causes = (details.causes ?? []).flatMap(({ field, message: said }) =>
    said === undefined ? [] : [field ? `${field}: ${said}` : said],
  );
  const words = causes.length > 0 ? [...new Set(causes)].join('; ') : afterRequest(message);
  const object = step.kind === 'applyBudget' ? 'PodDisruptionBudget' : 'Deployment';
  const text = `the API server refuses the ${object}, which stays as it is: ${words.replaceAll(/\s+/g, ' ')}`;
  return {
    reason: 'TemplateInvalid',
    message: text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text,
  };
}

/** Without the method, path and type with which errors of the client and of typed patches begin. */
function afterRequest(message: string): string {
  return message
    .replace(/^[A-Z]+ \/\S+: /, '')
    .replace(TYPED_PATCH, '')
    .replace(/^errors:\s+/, '')
    .replace(/ \(\d+ \w+\)$/, '');
}

/** Whether the step writes what the spec describes, rather than the size. */
function writesBuild(step: PoolStep): step is Extract<PoolStep, { kind: 'create' | 'applyTemplate' }> {
  return step.kind === 'create' || step.kind === 'applyTemplate';
}

function buildOf(plan: Steps, live: Deployment | undefined): string | undefined {
  const step = plan.steps.find(writesBuild);
  if (!step) return undefined;
  // Not the size, which is no part of it, nor annotations: they say when a rollout began, which moves while it cannot
  // begin.
  return hashOf([step.deployment.spec, live?.metadata.uid, { ...live?.spec, replicas: 0 }]);
}
