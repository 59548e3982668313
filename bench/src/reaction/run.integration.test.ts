import { expect, it } from 'vitest';
import { runReaction } from './run.ts';
import { buildApps, startStand } from '../stand/stand.ts';

it('the bench of reaction wakes pools at zero while others work, and measures each', async () => {
  await buildApps();
  await using stand = await startStand({ controllerManager: false });
  const result = await runReaction(stand, {
    pools: 5,
    queues: 8,
    busyPools: 1,
    tries: 3,
    runs: 1,
    seed: 1,
    scaleDownWindowSeconds: 0,
    print: () => undefined,
  });
  expect(result).toMatchObject({ n: 3, pools: 5, queues: 8, busyPools: 1 });
  for (const ms of [result.p50Ms, result.p99Ms, result.barePatchP50Ms]) expect(ms).toBeGreaterThan(0);
  expect(result.runs).toMatchObject([{ p99Ms: result.p99Ms, p99RatioToBarePatch: result.p99RatioToBarePatch }]);
}, 300_000);
