import { isFinalizerStep, type FinalizerStep } from '../finalizers/finalizers.ts';
import type { Problem } from './types.ts';

export interface StepWriters<Step, R extends string> {
  readonly signal?: AbortSignal | undefined;
  readonly applyFinalizer: (step: FinalizerStep) => Promise<void>;
  /** Does one step of the kind's own. @returns why it cannot be done now; nothing when it is done */
  readonly applyStep: (step: Exclude<Step, FinalizerStep>) => Promise<Problem<R> | undefined>;
}

/** How far a plan was carried out. */
export interface AppliedSteps<Step, R extends string> {
  /** The steps that were done, in order. */
  readonly done: readonly Step[];
  /** Why the rest cannot be done now. */
  readonly problem?: Problem<R>;
  /** What the step after them threw, or the reason of the signal once it was aborted. */
  readonly failure?: { readonly error: unknown };
}

/**
 * Does the steps in order, and stops at the first that cannot be done now or throws. It never throws itself, because
 * what was done before is reported all the same.
 */
export async function applySteps<Step, R extends string>(
  steps: readonly Step[],
  writers: StepWriters<Step, R>,
): Promise<AppliedSteps<Step, R>> {
  const done: Step[] = [];
  for (const step of steps) {
    try {
      const problem = await applyOne(step, writers);
      if (problem) return { done, problem };
    } catch (error) {
      return { done, failure: { error } };
    }
    done.push(step);
  }
  return { done };
}

async function applyOne<Step, R extends string>(
  step: Step,
  { signal, applyFinalizer, applyStep }: StepWriters<Step, R>,
): Promise<Problem<R> | undefined> {
  signal?.throwIfAborted();
  if (!isFinalizerStep(step)) return await applyStep(step as Exclude<Step, FinalizerStep>);
  await applyFinalizer(step);
  return undefined;
}
