import { expect, it } from 'vitest';
import { runPoison } from './run.ts';

it('a job that kills its process fails with a reason, and no other of a hundred does', async () => {
  const fleet = { jobs: 100, pods: 5, concurrency: 5, runMs: 400, downMs: () => 0, timeoutMs: 60_000 };
  const { completed, killer, reason, kills, mostStalls } = await runPoison(fleet);
  expect({ completed, killer, kills }).toEqual({ completed: 99, killer: 'failed', kills: 4 });
  expect(reason).toMatch(/^job stalled more than allowable limit: 4 times the process that ran it ended/);
  // more than twice none can because of another
  expect(mostStalls).toBeLessThanOrEqual(2);
});
