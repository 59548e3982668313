import { describe, expect, it } from 'vitest';
import { poissonArrivals, ramps, seededRandom, steps, type Rate } from '@redis-queue/simulator';
import { estimateForecast, observeForecast, type ArrivalForecast, type ForecastState } from './forecast.ts';

const MINUTE = 60_000;

/** Samples Poisson arrivals once a second; what is expected at the end of each minute. */
function eachMinute(rate: Rate, most: number, minutes: number, seed = 1): (ArrivalForecast | undefined)[] {
  const times = poissonArrivals(rate, most, minutes * MINUTE, seededRandom(seed));
  const forecasts: (ArrivalForecast | undefined)[] = [];
  let state: ForecastState | undefined;
  let job = 0;
  for (let nowMs = 1_000; nowMs <= minutes * MINUTE; nowMs += 1_000) {
    const before = job;
    while (job < times.length && times[job]! <= nowMs) job++;
    state = observeForecast(state, job - before, 1_000, 10_000);
    if (nowMs % MINUTE === 0) forecasts.push(estimateForecast(state, 10_000));
  }
  return forecasts;
}

describe('the forecast of arrivals', () => {
  it('is absent until as much time was observed as is to be forecast', () => {
    expect(estimateForecast(undefined, 10_000)).toBeUndefined();
    expect(estimateForecast(observeForecast(undefined, 100, 4_000, 10_000), 10_000)).toBeUndefined();
    expect(estimateForecast(observeForecast(undefined, 100, 9_000, 10_000), 10_000)).toBeUndefined();
  });

  it('is near a rate that does not change, and its growth is hardly ever worth acting on', () => {
    const forecasts = eachMinute(() => 50, 50, 60).slice(2);
    for (const forecast of forecasts) expect(Math.abs(forecast!.ratePerSecond - 50)).toBeLessThan(12);
    expect(forecasts.filter((forecast) => forecast!.confidence >= 0.5).length).toBeLessThanOrEqual(
      forecasts.length / 10,
    );
  });

  it('is ahead of the average while load rises, and then believed', () => {
    const forecasts = eachMinute(
      ramps([
        [0, 10],
        [20 * MINUTE, 610],
      ]),
      610,
      20,
    );
    const last = forecasts.at(-1)!;
    expect(last.ratePerSecond).toBeGreaterThan(570);
    expect(last.confidence).toBeGreaterThan(0.5);
  });

  it('follows a step within a minute', () => {
    const rate = steps([
      [0, 10],
      [10 * MINUTE, 80],
    ]);
    expect(eachMinute(rate, 80, 11)[10]!.ratePerSecond).toBeGreaterThan(60);
  });

  it('is the same for the same samples', () => {
    expect(eachMinute(() => 20, 20, 10)).toEqual(eachMinute(() => 20, 20, 10));
  });

  it('remembers less than 2 KiB of a queue, however long it is watched', () => {
    let state: ForecastState | undefined;
    for (let sample = 0; sample < 5_000; sample++) state = observeForecast(state, sample % 13, 1_500, 10_000);
    expect(JSON.stringify(state).replaceAll(/-?\d[\d.e+-]*/g, '8 bytes!').length).toBeLessThan(2_048);
  });
});
