import { expect, it } from 'vitest';
import { runDeadLetters } from './run.ts';

it('jobs that die while their movers are killed are dead letters once, in order, and ran as often as they should', async () => {
  const size = { jobs: 600, kills: 2, longestLifeMs: 150, patienceMs: 45_000 };
  const report = await runDeadLetters({ ...size, progress: () => {} });
  expect(report).toMatchObject({ lost: 0, doubled: 0, outOfOrder: 0, wrongRuns: 0, redriven: 200 });
  expect(report.kills).toBeGreaterThan(0);
});
