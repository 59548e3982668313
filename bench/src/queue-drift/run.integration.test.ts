import { expect, it } from 'vitest';
import { buildApps, startStand } from '../stand/stand.ts';
import { runDrift } from './run.ts';

it('the bench of drift changes queues, waits until they are repaired, and ends', async () => {
  await buildApps();
  await using stand = await startStand({ controllerManager: false });
  const size = { queues: 4, namespaces: 2, spreadMs: 500, idleMs: 500 };
  const result = await runDrift(stand, { ...size, print: () => undefined });
  for (const figure of Object.values(result)) expect(figure).toBeGreaterThan(0);
}, 60_000);
