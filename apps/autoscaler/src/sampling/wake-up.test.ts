import { describe, expect, it } from 'vitest';
import { WAKE_FOLLOW_UPS_MS } from './cadence.ts';
import { Wake } from './wake-up.ts';

describe('a wake-up', () => {
  it('is looked at once nothing more was told for some ms', () => {
    const wake = new Wake(1_000);
    expect(wake.settledMs(1_000)).toBe(1_008);
    wake.moreNews(1_006);
    expect(wake.settledMs(1_008)).toBe(1_014);
    expect(wake.settledMs(1_014)).toBeUndefined();
  });

  it('is looked at 40 ms after the first news although more of it comes and comes', () => {
    const wake = new Wake(0);
    for (let atMs = 5; atMs < 200; atMs += 5) {
      wake.moreNews(atMs);
      expect(wake.settledMs(atMs)).toBe(atMs >= 40 ? undefined : Math.min(atMs + 8, 40));
    }
  });

  it('is followed by looks at fixed times after the news, which news does not move', () => {
    const wake = new Wake(1_000);
    const followUps = WAKE_FOLLOW_UPS_MS.map(() => wake.takeFollowUp());
    wake.moreNews(1_050);
    expect(followUps).toEqual(WAKE_FOLLOW_UPS_MS.map((afterMs) => 1_000 + afterMs));
    expect(wake.settledMs(1_051)).toBeUndefined();
    expect(wake.takeFollowUp()).toBeUndefined();
  });

  it('tells its latency once', () => {
    const wake = new Wake(1_000);
    expect([wake.toldAfterMs(1_020), wake.toldAfterMs(1_120)]).toEqual([20, undefined]);
  });
});
