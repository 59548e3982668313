import { expect, it } from 'vitest';
import { abortable, within } from './deadline.ts';

const late = (): Error => new Error('late');
const never = new Promise<never>(() => undefined);

it('gives what came in time', async () => {
  expect(await within(Promise.resolve(1), { deadline: { ms: 10_000, late } })).toBe(1);
  await expect(within(Promise.reject(new Error('own')), { deadline: { ms: 10_000, late } })).rejects.toThrow('own');
});

it('waits neither beyond its time nor beyond its signal', async () => {
  await expect(within(never, { deadline: { ms: 1, late } })).rejects.toThrow('late');
  const stop = new AbortController();
  const waiting = within(never, { signal: stop.signal });
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(within(Promise.resolve(1), { signal: stop.signal })).rejects.toThrow('stopped');
});

it('leaves a source that does not answer, and tells it', async () => {
  const stop = new AbortController();
  let ended = false;
  const source: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => {
      let given = 0;
      return {
        next: () => (given++ === 0 ? Promise.resolve({ done: false, value: 1 }) : never),
        return: () => {
          ended = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
  const seen: number[] = [];
  const reading = (async () => {
    for await (const each of abortable(source, stop.signal)) seen.push(each);
  })();
  stop.abort(new Error('stopped'));
  await expect(reading).rejects.toThrow('stopped');
  expect(ended).toBe(true);
});
