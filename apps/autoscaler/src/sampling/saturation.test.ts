import { describe, expect, it } from 'vitest';
import { PRESSURE_EVERY_MS, Saturation } from './saturation.ts';

describe('a Redis is at its limit', () => {
  it('when no sample was fast for three seconds, until one is', () => {
    const saturation = new Saturation();
    for (const atMs of [1_000, 2_000]) saturation.sampled(900, atMs);
    expect(saturation.saturated).toBe(false);
    saturation.sampled(900, 3_100);
    expect(saturation.saturated).toBe(true);
    saturation.sampled(3, 3_200);
    expect(saturation.saturated).toBe(false);
  });

  it('but not for one script that many samples had to wait for', () => {
    const saturation = new Saturation();
    for (let sample = 0; sample < 20; sample++) saturation.sampled(1_000 - sample, 5_000);
    expect(saturation.saturated).toBe(false);
  });

  it.each([
    [0.97, false],
    [0.98, true],
    [1.02, true],
    [undefined, false],
  ])('when this share of its memory is used, %s: %s', (memory, saturated) => {
    const saturation = new Saturation();
    saturation.reported(memory === undefined ? {} : { memory }, 0);
    expect(saturation.saturated).toBe(saturated);
    saturation.reported({ memory: 0.5 }, 5_000);
    expect(saturation.saturated).toBe(false);
  });

  it.each([
    ['busy all the time', 5_000, true],
    ['busy half of the time', 2_500, false],
    ['started again', -80_000, false],
  ])('when the thread that runs commands was %s', (_, moreMs, saturated) => {
    const saturation = new Saturation();
    saturation.reported({ commandCpuMs: 90_000 }, 1_000);
    expect(saturation.saturated).toBe(false);
    saturation.reported({ commandCpuMs: 90_000 + moreMs }, 6_000);
    expect(saturation.saturated).toBe(saturated);
  });
});

it('the server is asked every five seconds', () => {
  const saturation = new Saturation();
  const asked = [0, 1_000, 4_999, PRESSURE_EVERY_MS, 6_000].filter((nowMs) => saturation.takeDue(nowMs));
  expect(asked).toEqual([0, PRESSURE_EVERY_MS]);
});
