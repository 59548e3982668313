import type { ForecastMethod } from '@redis-queue/scaling/forecast';

interface Trend {
  readonly level: number;
  readonly slope: number;
  readonly seen: boolean;
}

/**
 * Holt's method with a trend that fades: ℓ′ = α·y + (1 − α)(ℓ + φb), b′ = β(ℓ′ − ℓ) + (1 − β)φb, forecast ℓ + (φ + … +
 * φʰ)b (Gardner and McKenzie, "Forecasting Trends in Time Series", Management Science 31(10), 1985).
 */
export function dampedTrend(alpha: number, beta: number, phi: number): ForecastMethod<Trend> {
  return {
    name: `damped trend α=${alpha} β=${beta} φ=${phi}`,
    start: { level: 0, slope: 0, seen: false },
    step: ({ level, slope, seen }, rate) => {
      if (!seen) return { level: rate, slope: 0, seen: true };
      const next = alpha * rate + (1 - alpha) * (level + phi * slope);
      return { level: next, slope: beta * (next - level) + (1 - beta) * phi * slope, seen };
    },
    predict: ({ level, slope }, steps) =>
      Math.max(0, level + (phi === 1 ? steps : (phi * (1 - phi ** steps)) / (1 - phi)) * slope),
  };
}
