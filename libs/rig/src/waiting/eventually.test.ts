import { expect, it } from 'vitest';
import { eventually } from './eventually.ts';

it('tries again while the probe throws or has nothing yet, and returns its value', async () => {
  const answers = [() => undefined, () => false as const, () => Promise.reject(new Error('not yet')), () => 0];
  const probe = () => answers.shift()?.();
  expect(await eventually(probe, { intervalMs: 1 })).toBe(0);
});

it('says what it waited for and why the last try failed', async () => {
  const options = { timeoutMs: 5, intervalMs: 1, description: 'two replicas' };
  const waiting = eventually(() => Promise.reject(new Error('replicas is 1')), options);
  await expect(waiting).rejects.toThrow('waited 15 ms for two replicas: replicas is 1');
});

it('says to the author of a probe that only asserts what is missing', async () => {
  await expect(eventually(() => undefined, { timeoutMs: 1, intervalMs: 1 })).rejects.toThrow('return true');
});
