/** The value that `fraction` of the values do not exceed (nearest rank); NaN without values. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN;
}

/** Rounded to one decimal, as the benches print milliseconds and MiB. */
export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Rounded to two decimals, as the benches print ratios and shares. */
export function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
