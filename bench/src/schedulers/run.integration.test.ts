import { expect, it } from 'vitest';
import { buildApps, startStand } from '../stand/stand.ts';
import { runSchedulers } from './run.ts';

it('schedulers that three writers assert, change and are killed at run once at each of their times', async () => {
  await buildApps();
  await using stand = await startStand({ controllerManager: false });
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const report = await runSchedulers(stand, { queues: 2, seconds: 6, longestLifeMs: 2_000, seed: 1, print });
  expect(report, lines.join('\n')).toMatchObject({ schedulers: 8, doubledRuns: 0, missedRuns: 0, leftBehind: 0 });
  expect(report.kills).toBeGreaterThanOrEqual(3);
  expect(report.runs).toBeGreaterThan(6);
}, 180_000);
