import { describe, expect, it } from 'vitest';
import { WAKE_FOLLOW_UPS_MS } from './cadence.ts';
import { WakeUp } from './wake-up.ts';

describe('a wake-up', () => {
  it('is sampled once there was no further notification for some ms', () => {
    const wakeUp = new WakeUp(1_000);
    expect(wakeUp.settledMs(1_000)).toBe(1_008);
    wakeUp.notified(1_006);
    expect(wakeUp.settledMs(1_008)).toBe(1_014);
    expect(wakeUp.settledMs(1_014)).toBeUndefined();
  });

  it('is sampled 40 ms after the first notification although more keep coming', () => {
    const wakeUp = new WakeUp(0);
    for (let atMs = 5; atMs < 200; atMs += 5) {
      wakeUp.notified(atMs);
      expect(wakeUp.settledMs(atMs)).toBe(atMs >= 40 ? undefined : Math.min(atMs + 8, 40));
    }
  });

  it('is followed by samples at fixed times after the first notification, which later ones do not move', () => {
    const wakeUp = new WakeUp(1_000);
    const followUps = WAKE_FOLLOW_UPS_MS.map(() => wakeUp.takeFollowUp());
    wakeUp.notified(1_050);
    expect(followUps).toEqual(WAKE_FOLLOW_UPS_MS.map((afterMs) => 1_000 + afterMs));
    expect(wakeUp.settledMs(1_051)).toBeUndefined();
    expect(wakeUp.takeFollowUp()).toBeUndefined();
  });

  it('reports its latency once', () => {
    const wakeUp = new WakeUp(1_000);
    expect([wakeUp.decidedAfterMs(1_020), wakeUp.decidedAfterMs(1_120)]).toEqual([20, undefined]);
  });
});
