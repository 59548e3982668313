import { expect, it } from 'vitest';
import { runRetention } from './run.ts';

it('old jobs go by each way, beside workers whose jobs stay, and all is measured', async () => {
  const report = await runRetention({ jobs: 3_000, windowMs: 200, progress: () => {} });
  expect(report).toMatchObject({ jobs: 3_000, oldLeft: 0, youngLost: 0 });
  expect(report.rows.map(({ removed }) => removed)).toEqual([3_000, 3_000, 3_000]);
  for (const figure of [report.workersPerSecond, report.ratioToBareClean, report.scriptRatioToBareClean])
    expect(figure).toBeGreaterThan(0);
  // 0 where a busy machine gave the workers no time in the one short turn.
  expect(report.workerThroughputShare).toBeGreaterThanOrEqual(0);
});
