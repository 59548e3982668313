import { expect, it } from 'vitest';
import { uploadInParts, type MultipartCalls } from './multipart.ts';
import type { Part } from './parts.ts';

async function* parts(count: number): AsyncGenerator<Part> {
  for (let number = 1; number <= count; number++) yield { data: Buffer.of(number), last: number === count };
}

async function* failing(): AsyncGenerator<Part> {
  yield { data: Buffer.of(1), last: false };
  throw new Error('the source failed');
}

/** Calls that note what happens, and end when the test lets them. */
function noted(send: (number: number, signal: AbortSignal) => Promise<number>) {
  const log: string[] = [];
  const calls: MultipartCalls<number> = {
    create: () => Promise.resolve('id'),
    send: async (_, number, __, signal) => {
      log.push(`begin ${number}`);
      try {
        return await send(number, signal);
      } finally {
        log.push(`end ${number}`);
      }
    },
    complete: (_, sent) => Promise.resolve(void log.push(`complete ${sent.join(' ')}`)),
    abort: () => Promise.resolve(void log.push('abort')),
  };
  return { log, calls };
}

const { signal } = new AbortController();

it('has two parts under way at most, and completes them in order', async () => {
  let underWay = 0;
  let most = 0;
  const { log, calls } = noted(async (number) => {
    most = Math.max(most, (underWay += 1));
    for (let turn = 0; turn < (number % 2) * 10; turn++) await Promise.resolve();
    underWay -= 1;
    return number;
  });
  await uploadInParts(parts(5), signal, calls);
  expect(most).toBe(2);
  expect(log.at(-1)).toBe('complete 1 2 3 4 5');
});

it('aborts when a part fails, and not before no part is under way', async () => {
  const { log, calls } = noted(async (number, either) => {
    if (number === 2) throw new Error('part 2 failed');
    await new Promise<void>((resolve) => either.addEventListener('abort', () => resolve()));
    either.throwIfAborted();
    return number;
  });
  await expect(uploadInParts(parts(5), signal, calls)).rejects.toThrow('part 2 failed');
  expect(log.at(-1)).toBe('abort');
  expect(log).toContain('end 1');
  expect(log.filter((each) => each.startsWith('complete'))).toEqual([]);
});

it('aborts when the source fails', async () => {
  const { log, calls } = noted((number) => Promise.resolve(number));
  await expect(uploadInParts(failing(), signal, calls)).rejects.toThrow('the source failed');
  expect(log).toEqual(['begin 1', 'end 1', 'abort']);
});
