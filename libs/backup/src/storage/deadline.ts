export interface Limits {
  /** When it aborts, nobody waits any more; the error is its reason. */
  readonly signal?: AbortSignal;
  /** How long to wait at most, and what is thrown after that. */
  readonly deadline?: { readonly ms: number; readonly late: () => Error };
}

/**
 * Waits for `work`, but only within the limits, whatever becomes of it. It goes on by itself: who begins something that
 * holds a resource gives that back when it ends late.
 */
export function within<T>(work: Promise<T>, { signal, deadline }: Limits): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = deadline && setTimeout(() => settle(() => reject(deadline.late())), deadline.ms);
    const onAbort = (): void => settle(() => reject(asError(signal?.reason)));
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      finish();
    };
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(asError(error))),
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** What `source` gives, until `signal` aborts; then the error is its reason, although `source` does not answer. */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await within(iterator.next(), { signal });
      if (next.done) return void (ended = true);
      yield next.value;
    }
  } finally {
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
