import { expect, it } from 'vitest';
import { runBusChaos } from './run.ts';
import { buildApps, startStand } from '../stand/stand.ts';

it('no disorder of the bus and no kill of its consumer makes a fence go back or a size wrong', async () => {
  await buildApps();
  await using stand = await startStand();
  const chaos = { decisions: 150, kills: 2, pools: 5, seed: 1, print: () => undefined };
  const result = await runBusChaos(stand, chaos);
  expect(result).toMatchObject({
    decisions: 150,
    kills: 2,
    fenceRegressions: 0,
    wrongPairs: 0,
    expiredApplied: 0,
    wrongSizes: 0,
  });
  expect(result.messages).toBeGreaterThan(150);
  expect(result.applied).toBeGreaterThan(0);
  expect(Object.keys(result.droppedBy)).toContain('expired');
}, 300_000);
