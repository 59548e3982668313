import { expect, it } from 'vitest';
import { buildApps, startStand } from '../stand/stand.ts';
import { runLatency } from './latency.ts';
import { runMassCreation } from './mass-creation.ts';

const print = (): void => undefined;

it('the benches of Queues create them, wait until they are Ready, and end', async () => {
  await buildApps();
  await using stand = await startStand({ controllerManager: false });
  const mass = await runMassCreation(stand, { queues: 4, namespaces: 2, print });
  expect(mass.perSecond).toBeGreaterThan(0);
  expect(mass.ratioToBare).toBeGreaterThan(0);
  const latency = await runLatency(stand, { existing: 2, tries: 2, print });
  expect(latency.p50Ms).toBeGreaterThan(0);
  expect(latency.p50RatioToBare).toBeGreaterThan(0);
});
