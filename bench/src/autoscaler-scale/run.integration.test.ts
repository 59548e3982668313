import { expect, it } from 'vitest';
import { runAutoscalerScale } from './run.ts';
import { buildApps, startStand } from '../stand/stand.ts';

it('the bench of a large fleet measures the autoscaler while jobs flow', async () => {
  await buildApps();
  await using stand = await startStand({ controllerManager: false, busApart: true, replicas: 2 });
  const result = await runAutoscalerScale(stand, {
    pools: 4,
    queues: 6,
    busyPools: 2,
    warmUpMs: 5_000,
    measureMs: 5_000,
    print: () => undefined,
  });
  expect(result).toMatchObject({ pools: 4, queues: 6, busyPools: 2 });
  for (const value of [result.lagP95Ms, result.lagP99Ms, result.rssMib, result.samplesPerSecond]) {
    expect(value).toBeGreaterThan(0);
  }
  expect(result.scriptCpuPercent).toBeGreaterThan(0);
  expect(result.redisCpuPercent).toBeGreaterThan(0);
}, 300_000);
