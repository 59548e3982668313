import { expect, it } from 'vitest';
import { runBackup } from './run.ts';

it('all jobs are read both ways, at one instant and beside workers, and all is measured', async () => {
  const options = { jobs: 2_000, dataBytes: 20, others: 100, pairs: 1, turns: 1, windowMs: 200, progress: () => {} };
  const { rows, ...report } = await runBackup(options);
  expect(report).toMatchObject({ jobs: 2_000, missing: 0, entriesAtOnce: 1_000 });
  expect(rows.map(({ jobs }) => jobs)).toEqual([2_000, 2_000, 2_000, 1_000]);
  for (const figure of [report.ratioToBareRead, report.idleStallMs, report.rssMib]) expect(figure).toBeGreaterThan(0);
});
