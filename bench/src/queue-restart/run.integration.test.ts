import { expect, it } from 'vitest';
import { buildApps, startStand } from '../stand/stand.ts';
import { runRestart } from './run.ts';

it('the bench of restarts verifies Queues and a new one, and finds no write after that', async () => {
  await buildApps();
  await using stand = await startStand({ controllerManager: false });
  // Counts come into the statuses of new Queues with the next round of samples.
  const size = { queues: 4, namespaces: 2, steadyMs: 1_000, flags: ['--sample-interval=1s'] };
  const result = await runRestart(stand, { ...size, print: () => undefined });
  expect(result.verifiedMs).toBeGreaterThan(0);
  expect(result.newReadyMs).toBeGreaterThan(0);
  expect(result.steadyWrites).toBe(0);
}, 60_000);
