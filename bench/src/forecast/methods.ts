import { AVERAGE, autoregression, mixtureOf, smoothing, type ForecastMethod } from '@redis-queue/scaling/forecast';
import { dampedTrend } from './damped-trend.ts';
import { lastValue } from './last-value.ts';
import { withBursts } from './recurring-bursts.ts';
import { seasonal } from './seasonal.ts';

/** A method that hides its state. */
export type AnyMethod = ForecastMethod<unknown>;

/**
 * What is compared. Parameters are those of the textbooks and one faster or slower, chosen before any figure was seen;
 * none is tuned to a trace. The last two are what runs in the autoscaler, without and with its knowledge of recurring
 * bursts.
 */
export function comparedMethods(steps: number): AnyMethod[] {
  return [
    lastValue,
    AVERAGE,
    smoothing(0.3),
    dampedTrend(0.3, 0.1, 0.9),
    dampedTrend(0.5, 0.3, 0.9),
    dampedTrend(0.15, 0.1, 0.95),
    autoregression(3, 0.99),
    autoregression(6, 0.995),
    seasonal,
    mixtureOf(steps),
    withBursts(mixtureOf(steps)),
  ];
}
