import { expect, it } from 'vitest';
import { runRestarts } from './run.ts';

it('a process that is started again takes over what the one before it held, and nothing that a living one runs', async () => {
  const result = await runRestarts({ rounds: 20, pods: 4, runMs: 100, note: () => undefined });
  expect(result).toMatchObject({ rounds: 20, completedTwice: 0, lost: 0, robbed: 0, waitedForLocks: 0 });
  // all that were there to be taken by mistake
  expect(result.ranBeside).toBe(20 * 4);
});
