import type { ForecastMethod } from './method.ts';

export interface Level {
  readonly level: number;
  readonly seen: boolean;
}

/** Simple exponential smoothing: ℓ ← α·y + (1 − α)·ℓ (Brown, "Exponential Smoothing for Predicting Demand", 1956). */
export function smoothing(alpha: number): ForecastMethod<Level> {
  return {
    name: `smoothing α=${alpha}`,
    start: { level: 0, seen: false },
    step: ({ level, seen }, rate) => ({ level: seen ? alpha * rate + (1 - alpha) * level : rate, seen: true }),
    predict: ({ level }) => level,
  };
}
