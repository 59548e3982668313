import { expect, it } from 'vitest';
import { runReactionVsKeda } from './run.ts';
import { buildApps, startStand } from '../stand/stand.ts';

// KEDA takes ten minutes to build, so its arms are not run here; `bench/keda` tests what does not need it.
it('a burst into a pool at zero is sized in one patch', async () => {
  await buildApps();
  await using stand = await startStand();
  const results = await runReactionVsKeda(stand, { arms: ['ours'], tries: 2, seed: 1, print: () => undefined });
  expect([...results.keys()]).toEqual(['ours']);
  const ours = results.get('ours') ?? [];
  expect(ours.map(({ sizes }) => sizes)).toEqual([[20], [20]]);
  for (const { firstMs, finalMs } of ours) expect(firstMs).toBe(finalMs);
}, 300_000);
