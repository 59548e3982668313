import { expect, it } from 'vitest';
import { runSampling } from './run.ts';

it('a pass over queues agrees with getJobCounts on every count and is measured', async () => {
  const report = await runSampling({ queues: 120, jobs: 12_000, tries: 1, progress: () => {} });
  expect(report).toMatchObject({ queues: 120, jobs: 12_000, disagreements: 0 });
  expect(report.rows).toHaveLength(3);
  for (const figure of [report.wallMs, report.cpuRatioToGetJobCounts, report.wallRatioToGetJobCounts])
    expect(figure).toBeGreaterThan(0);
});
