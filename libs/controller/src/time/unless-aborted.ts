/**
 * Settles with `run`, or rejects with the reason of `signal` as soon as that aborts. What `run` goes on to do is then nobody's business: it
 * is for calls that may hang, whatever their own time-outs promise.
 */
export function unlessAborted<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    run()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
