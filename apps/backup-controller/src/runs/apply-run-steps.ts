import {
  applySteps,
  keyOf,
  type Applied,
  type KindContext,
  type Plan,
  type Resource,
  type ResourceType,
} from '@redis-queue/controller';
import type { Runs, RunState } from './runs.ts';

/** What every kind with runs does, beside what its runs are for. */
export type RunStep =
  /** Deletes the object. */
  | { readonly kind: 'delete' }
  | { readonly kind: 'abort'; readonly why: string }
  /** So that the next reconcile begins another. */
  | { readonly kind: 'forgetRun' };

/** What is particular to a kind. */
export interface RunStepsOptions<Own, Progress, Result, Again> {
  readonly type: ResourceType;
  /** Those of the kind. */
  readonly runs: Pick<Runs<Progress, Result>, 'abort' | 'forget' | 'stateOf'>;
  /** Does a step that is of this kind alone. @returns whether it has begun a run of `runs`. */
  readonly begin: (step: Own) => boolean;
  /** What is observed and planned with that run, which may have a place or wait for one. */
  readonly observeAgain: (run: RunState<Progress, Result> | undefined) => Again;
}

/** Carries a plan out whose runs are only begun; they go on by themselves. */
export async function applyRunSteps<O, P extends Plan<RunStep | Own, R>, Own, R extends string, Progress, Result>(
  object: Resource,
  plan: P,
  { client, signal, applyFinalizer }: KindContext<R>,
  options: RunStepsOptions<Own, Progress, Result, { readonly observed: O; readonly plan: P }>,
): Promise<Applied<O, P, R>> {
  const { type, runs, begin, observeAgain } = options;
  const { uid = '', resourceVersion } = object.metadata;
  let hasBegun = false;
  const applied = await applySteps<RunStep | Own, R>(plan.steps as readonly (RunStep | Own)[], {
    signal,
    applyFinalizer,
    async applyStep(step) {
      const runStep = step as RunStep;
      switch (runStep.kind) {
        case 'delete':
          await client.delete(type, keyOf(object), { signal, uid, ...(resourceVersion && { resourceVersion }) });
          break;
        case 'abort':
          runs.abort(uid, new Error(runStep.why));
          break;
        case 'forgetRun':
          runs.forget(uid);
          break;
        default:
          if (begin(step as Own)) hasBegun = true;
      }
      return undefined;
    },
  });
  if (!hasBegun) return applied;
  // A run that has a place has begun after this.
  await new Promise((resolve) => setImmediate(resolve));
  const again = observeAgain(runs.stateOf(uid));
  return { ...applied, ...again, plan: { ...again.plan, steps: plan.steps } };
}
