import { expect, it } from 'vitest';
import { buildApps, startStand } from '../stand/stand.ts';
import { runCompat } from './run.ts';

it('the bench of versions mixes all clients on governed queues and loses nothing', async () => {
  await buildApps();
  await using stand = await startStand({ controllerManager: false });
  const locks = { durationMs: 5_000, renewMs: 1_000, searchMs: 1_000 };
  const report = await runCompat(stand, { jobs: 60, seconds: 5, locks, print: () => undefined });
  expect(report).toMatchObject({
    jobs: 180,
    lost: 0,
    stuck: 0,
    duplicatedEffects: 0,
    failed: 0,
    startsWhilePaused: 0,
    startsOverLimit: 0,
    overConcurrency: 0,
    marksChanged: 0,
    sampledWrongly: 0,
    leftBadly: 0,
  });
  expect(report.kills).toBeGreaterThanOrEqual(6);
  expect(report.scaleIns).toBeGreaterThanOrEqual(6);
  expect(report.pauses).toBeGreaterThan(0);
}, 120_000);
