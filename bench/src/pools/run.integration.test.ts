import { expect, it } from 'vitest';
import { runPools } from './run.ts';
import { buildApps, startStand } from '../stand/stand.ts';

it('the bench of many pools steps every pool and counts no write once all is quiet', async () => {
  await buildApps();
  await using stand = await startStand();
  const result = await runPools(stand, { pools: 5, quietMs: 3_000, settledMs: 2_000, print: () => undefined });
  expect(result).toMatchObject({ pools: 5, steadyWrites: 0 });
  expect(result.leaseWrites).toBeGreaterThan(0);
  for (const ms of [result.zeroToOneMs, result.oneToTwoMs, result.bareZeroToOneMs, result.bareOneToTwoMs]) {
    expect(ms).toBeGreaterThan(0);
  }
}, 300_000);
