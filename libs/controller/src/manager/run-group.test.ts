import { beforeEach, expect, it } from 'vitest';
import { RunGroup } from './run-group.ts';

let stopping: AbortController;
let group: RunGroup;
beforeEach(() => {
  stopping = new AbortController();
  group = new RunGroup(stopping);
});

it('asks all to stop when one fails, and remembers the first failure', async () => {
  group.start('good', () => new Promise((resolve) => stopping.signal.addEventListener('abort', () => resolve())));
  group.start('bad', () => Promise.reject(new Error('broken')));
  await group.stopRequested();
  expect(await group.ended(1_000)).toEqual([]);
  expect(group.failure?.message).toBe('broken');
});

it('a task that ends early ends nothing else', async () => {
  group.start('short', () => Promise.resolve());
  expect(await group.ended(1_000)).toEqual([]);
  expect(stopping.signal.aborted).toBe(false);
});

it('names those that do not stop in time', async () => {
  group.start('deaf', () => new Promise(() => undefined));
  expect(await group.ended(10)).toEqual(['deaf']);
});

it('does not wait for the rest when the lease is lost', async () => {
  group.start('deaf', () => new Promise(() => undefined));
  group.watch('lease', Promise.reject(Object.assign(new Error('lost'), { name: 'LeaseLostError' })));
  await group.stopRequested();
  expect(await group.ended(60_000)).toEqual(['deaf']);
});
