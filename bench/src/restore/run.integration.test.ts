import { expect, it } from 'vitest';
import { runRestore } from './run.ts';

it('a queue is restored as plain commands write it, and all is measured', async () => {
  const report = await runRestore({ jobs: 1_000, pairs: 1, progress: () => {} });
  expect(report).toMatchObject({ jobs: 1_000, identical: true });
  for (const figure of [report.ratioToBareWrite, report.firstJobMs]) expect(figure).toBeGreaterThan(0);
});
