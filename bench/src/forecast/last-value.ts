import type { ForecastMethod } from '@redis-queue/scaling/forecast';

/**
 * The last bin goes on: what every other method has to beat (the naïve method of Hyndman and Athanasopoulos, 2021,
 * §5.2).
 */
export const lastValue: ForecastMethod<number> = {
  name: 'last value',
  start: 0,
  step: (_, rate) => rate,
  predict: (rate) => rate,
};
