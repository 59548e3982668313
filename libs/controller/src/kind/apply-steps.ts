import { isFinalizerStep, type FinalizerStep } from './finalizers.ts';
import type { Problem } from './types.ts';

export interface StepWriters<Step, R extends string> {
  readonly signal?: AbortSignal | undefined;
  readonly applyFinalizer: (step: FinalizerStep) => Promise<void>;
  /** Does one step of the kind's own. @returns why it cannot be done now; nothing when it is done */
  readonly applyStep: (step: Exclude<Step, FinalizerStep>) => Promise<Problem<R> | undefined>;
}

/**
 * Does the steps in order, and stops at the first that cannot be done now.
 *
 * @returns the steps that were done, and why the rest was not.
 * @throws what a step throws, or the reason of `signal` once it is aborted.
 */
export async function applySteps<Step, R extends string>(
  steps: readonly Step[],
  { signal, applyFinalizer, applyStep }: StepWriters<Step, R>,
): Promise<{ readonly done: readonly Step[]; readonly problem?: Problem<R> }> {
  const done: Step[] = [];
  for (const step of steps) {
    signal?.throwIfAborted();
    if (isFinalizerStep(step)) await applyFinalizer(step);
    else {
      const problem = await applyStep(step as Exclude<Step, FinalizerStep>);
      if (problem) return { done, problem };
    }
    done.push(step);
  }
  return { done };
}
