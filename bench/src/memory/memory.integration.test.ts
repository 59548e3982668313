import { APP_NAMES, eventually } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { residentMib, settling } from '../measuring/resident.ts';
import { buildApps, startStand } from '../stand/stand.ts';

/** The charts allow 128 MiB; the rest of it is for load. */
const LIMIT_MIB = 110;

it('every bundled app settles below 110 MiB of resident memory, with a queue and a pool to reconcile', async () => {
  await buildApps();
  await using stand = await startStand();
  await stand.applyQueueAndPool('idle');
  const residents = APP_NAMES.map(async (name) => {
    const app = await stand.startApp(name);
    const settled = settling();
    const residentWhenIdle = await eventually(() => settled(residentMib(app.process.pid)), {
      timeoutMs: 60_000,
      intervalMs: 1_000,
      description: `the memory of ${name} to settle`,
    });
    await app.process.stop();
    return { name, residentWhenIdle: residentWhenIdle < LIMIT_MIB || residentWhenIdle };
  });
  expect(await Promise.all(residents)).toEqual(APP_NAMES.map((name) => ({ name, residentWhenIdle: true })));
}, 300_000);
