import { expect, it } from 'vitest';
import { withRetries, type RetryOptions } from './retries.ts';
import { StorageError } from './storage.ts';

const passes = (): StorageError => new StorageError('StorageThrottled', 'slow down', { retryable: true });

function clock(options: Partial<RetryOptions> = {}): RetryOptions & { readonly pauses: number[] } {
  let nowMs = 0;
  const pauses: number[] = [];
  const sleep = (ms: number): Promise<void> => {
    pauses.push(ms);
    nowMs += ms;
    return Promise.resolve();
  };
  const { signal } = new AbortController();
  return { signal, attempts: 5, giveUpMs: 60_000, now: () => nowMs, random: () => 1, sleep, pauses, ...options };
}

it('pauses twice as long each time, and throws what the last try threw', async () => {
  const options = clock();
  await expect(withRetries(options, () => Promise.reject(passes()))).rejects.toMatchObject({
    reason: 'StorageThrottled',
  });
  expect(options.pauses).toEqual([500, 1_000, 2_000, 4_000]);
});

it('tries again only what passes by itself', async () => {
  const options = clock();
  const failed = new StorageError('StorageDenied', 'no', { retryable: false });
  await expect(withRetries(options, () => Promise.reject(failed))).rejects.toBe(failed);
  await expect(withRetries(options, () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
  expect(options.pauses).toEqual([]);
});

it('begins no try after its time', async () => {
  const options = clock({ giveUpMs: 3_000 });
  await expect(withRetries(options, () => Promise.reject(passes()))).rejects.toThrow('slow down');
  expect(options.pauses).toEqual([500, 1_000]);
});

it('ends with its signal', async () => {
  const stop = new AbortController();
  const options = clock({ signal: stop.signal, sleep: () => new Promise(() => stop.abort(new Error('stopped'))) });
  await expect(withRetries(options, () => Promise.reject(passes()))).rejects.toThrow('stopped');
});
