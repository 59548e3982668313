import { describe, expect, it } from 'vitest';
import { JobStopped, stoppedAsAsked } from './handler.ts';

const reason = new JobStopped('draining');
const stop = AbortSignal.abort(reason);

describe('a handler that was asked to stop', () => {
  it.each([
    ["throws the signal's reason", reason],
    ['throws an AbortError, as fetch and timers do', new DOMException('aborted', 'AbortError')],
    ['wraps the reason in an error of its own', new Error('step 3', { cause: new Error('step 2', { cause: reason }) })],
  ])('has stopped as asked when it %s', (_how, error) => {
    expect(stoppedAsAsked(error, stop)).toBe(true);
  });

  it('has failed when it throws anything else', () => {
    const circular = new Error('disk full');
    circular.cause = circular;
    expect(stoppedAsAsked(circular, stop)).toBe(false);
    expect(stoppedAsAsked('disk full', stop)).toBe(false);
  });

  it('has failed when nobody asked it to stop', () => {
    expect(stoppedAsAsked(new DOMException('aborted', 'AbortError'), new AbortController().signal)).toBe(false);
  });
});
