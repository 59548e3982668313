import type { Readable } from 'node:stream';
import { within } from './deadline.ts';
import { withRetries, type RetryOptions } from './retries.ts';
import { explainS3Error, type S3Operation } from './s3-errors.ts';
import { StorageError } from './storage.ts';

/** The slowest that a body may come or go on the whole, bytes per second. */
const SLOWEST = 64 * 1_024;

export interface RequestOptions extends Omit<RetryOptions, 'signal'> {
  /** How long nothing may happen, ms. */
  readonly stallMs: number;
}

/** What one request is about, and what it may take. */
export interface S3Request extends S3Operation {
  readonly signal: AbortSignal;
  /** Of its body. */
  readonly bytes?: number;
  /** How long the server may think, ms; by default as long as nothing may happen. */
  readonly answerMs?: number;
}

/** One try of a request, with a deadline of ours: whatever the SDK waits for, be it credentials, nobody waits longer. */
export async function tryOnce<T>(
  about: S3Request,
  { stallMs }: RequestOptions,
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, bytes = 0, answerMs = stallMs } = about;
  const over = new AbortController();
  const ms = answerMs + (bytes / SLOWEST) * 1_000;
  const late = (): Error => unreachable(about, `no answer after ${Math.round(ms / 100) / 10} s`);
  try {
    return await within(send(AbortSignal.any([signal, over.signal])), { signal, deadline: { ms, late } });
  } catch (error) {
    over.abort();
    signal.throwIfAborted();
    throw explainS3Error(error, about);
  }
}

/** A request that is made again when it fails in a way that passes. */
export function request<T>(
  about: S3Request,
  options: RequestOptions,
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withRetries({ ...options, signal: about.signal }, () => tryOnce(about, options, send));
}

/** The body of an answer. Only the time that the server takes counts, not that of the reader. */
export async function* readBody(
  body: Readable,
  about: S3Request,
  { stallMs, now }: RequestOptions,
): AsyncGenerator<Buffer, void> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let given = 0;
  let waitedMs = 0;
  try {
    for (;;) {
      const leftMs = stallMs + (given / SLOWEST) * 1_000 - waitedMs;
      const late = (): Error => unreachable(about, `the answer stopped after ${given} bytes`);
      if (leftMs <= 0) throw late();
      const begunMs = now();
      const { signal } = about;
      const next = await within(chunks.next(), { signal, deadline: { ms: Math.min(stallMs, leftMs), late } });
      waitedMs += now() - begunMs;
      if (next.done) return;
      given += next.value.length;
      yield next.value;
    }
  } catch (error) {
    about.signal.throwIfAborted();
    throw explainS3Error(error, about);
  } finally {
    body.destroy();
  }
}

/** What `call` gives, or undefined when it fails in the way that `isExpected` knows. */
export async function unless<T>(isExpected: (error: unknown) => boolean, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isExpected(error)) return undefined;
    throw error;
  }
}

function unreachable({ operation, target, endpoint }: S3Operation, why: string): StorageError {
  const text = `${operation} ${target} at ${endpoint}: ${why}; check that the server is well and can be reached`;
  return new StorageError('StorageUnreachable', text, { retryable: true });
}
