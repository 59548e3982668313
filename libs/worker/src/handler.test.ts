import { describe, expect, it } from 'vitest';
import { JobStopped, stoppedAsTold } from './handler.ts';

const reason = new JobStopped('draining');
const told = AbortSignal.abort(reason);

describe('a handler that was told to stop', () => {
  it.each([
    ["throws the signal's reason", reason],
    ['throws an AbortError, as fetch and timers do', new DOMException('aborted', 'AbortError')],
    ['wraps the reason in an error of its own', new Error('step 3', { cause: new Error('step 2', { cause: reason }) })],
  ])('has stopped as told when it %s', (_how, error) => {
    expect(stoppedAsTold(error, told)).toBe(true);
  });

  it('has failed when it throws anything else', () => {
    const circular = new Error('disk full');
    circular.cause = circular;
    expect(stoppedAsTold(circular, told)).toBe(false);
    expect(stoppedAsTold('disk full', told)).toBe(false);
  });

  it('has failed when nobody told it', () => {
    expect(stoppedAsTold(new DOMException('aborted', 'AbortError'), new AbortController().signal)).toBe(false);
  });
});
