import { describeFailure, type FailureReason, type Problem } from '@redis-queue/controller';
import { InterruptedError } from './interrupted-error.ts';
import { OutdatedError } from './outdated-error.ts';

/** Why a run failed, as conditions say it. */
export class RunFailure<R extends string = string> extends Error {
  override readonly name = 'RunFailure';
  readonly reason: R;

  /** @param message a sentence for people: the object, why, and the way out. Never a secret. */
  constructor({ reason, message }: Problem<R>, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }

  get problem(): Problem<R> {
    return { reason: this.reason, message: this.message };
  }
}

/** A run cannot do its work yet, and did not fail: it is begun again after a while. */
export class PostponedError<R extends string = string> extends RunFailure<R> {}

/** What ended a run, in words. */
export function problemOfRun<R extends string>(error: unknown): Problem<R | FailureReason | 'Interrupted'> {
  if (error instanceof RunFailure) return error.problem as Problem<R>;
  if (error instanceof InterruptedError || error instanceof OutdatedError)
    return { reason: 'Interrupted', message: `${error.message}; it is begun again` };
  return describeFailure(error);
}
