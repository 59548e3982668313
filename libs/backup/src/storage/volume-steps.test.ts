import { expect, it } from 'vitest';
import { step } from './volume-steps.ts';

const { signal } = new AbortController();
const about = { operation: 'write', path: 'part', location: 'file:///backups', stallMs: 1, signal } as const;

// Wall 2, any part may hang: a call of a file server that is gone never ends, and holds a thread of the process.
it('gives up calls that hang, and begins no more while two hold threads', async () => {
  const hung = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const undone: string[] = [];
  const undo = (value: string): Promise<void> => Promise.resolve(void undone.push(value));
  for (const { promise } of hung)
    await expect(step(() => promise, about, undo)).rejects.toMatchObject({
      reason: 'StorageUnreachable',
      retryable: true,
    });
  let begun = false;
  const call = (): Promise<void> => Promise.resolve(void (begun = true));
  await expect(step(call, about)).rejects.toThrow('2 earlier calls of the file system have not ended');
  expect(begun).toBe(false);
  hung[0]!.resolve('one');
  hung[1]!.resolve('two');
  await Promise.all(hung.map(({ promise }) => promise));
  await Promise.resolve();
  await step(call, { ...about, stallMs: 60_000 });
  expect(begun).toBe(true);
  expect(undone).toEqual(['one', 'two']);
});
