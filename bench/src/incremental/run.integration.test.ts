import { expect, it } from 'vitest';
import { runIncremental } from './run.ts';

it('what was there all the time is in each restored point, and all is measured', async () => {
  const { rows, ...report } = await runIncremental({
    jobs: 500,
    dataBytes: 20,
    jobsPerSecond: 40,
    seconds: 12,
    everySeconds: 10,
    kills: 1,
    restores: 1,
    turns: 0,
    seed: 1,
    progress: () => {},
  });
  expect(report).toMatchObject({ lost: 0, kills: 1 });
  expect(rows).toHaveLength(1);
  expect(report.throughout).toBeGreaterThan(500);
  for (const figure of [report.rpoP99S, report.rtoS, report.bytesPerJob, report.bytesPerChangedJob])
    expect(figure).toBeGreaterThan(0);
}, 300_000);
