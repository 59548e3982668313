/** One sample of a metrics page. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of one metric in Prometheus' text format. */
export function samplesOf(text: string, name: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => {
      const [, labels = '', value = ''] = /^[^{ ]+(?:\{(.*)\})? ([^ ]+)/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)];
      return { name, labels: Object.fromEntries(pairs.map(([, key, quoted]) => [key, quoted])), value: Number(value) };
    });
}

/** Sums of a counter by key, without those whose key is undefined. */
export function sumBy(samples: readonly Sample[], key: (labels: Sample['labels']) => string | undefined) {
  const sums = new Map<string, number>();
  for (const { labels, value } of samples) {
    const group = key(labels);
    if (group !== undefined) sums.set(group, (sums.get(group) ?? 0) + value);
  }
  return sums;
}

/** What each sum grew by since `before`; only those that did, largest first. */
export function growth(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Map<string, number> {
  const grown = [...after].map(([key, value]) => [key, value - (before.get(key) ?? 0)] as const);
  return new Map(grown.filter(([, by]) => by > 0).toSorted(([, a], [, b]) => b - a));
}

/**
 * What `fraction` of the observations that a histogram took between two readings of its page do not exceed, by linear
 * interpolation within a bucket, as PromQL's histogram_quantile has it; NaN when it took none, and the highest bound
 * that has a value when it lies above all of them.
 */
export function histogramQuantile(before: string, after: string, name: string, fraction: number): number {
  const upTo = (page: string): Map<string, number> => sumBy(samplesOf(page, `${name}_bucket`), ({ le }) => le);
  const earlier = upTo(before);
  const buckets = [...upTo(after)]
    .map(([le, count]) => ({ bound: le === '+Inf' ? Infinity : Number(le), count: count - (earlier.get(le) ?? 0) }))
    .toSorted((a, b) => a.bound - b.bound);
  const rank = fraction * (buckets.at(-1)?.count ?? 0);
  if (rank === 0) return Number.NaN;
  const at = buckets.findIndex(({ count }) => count >= rank);
  const below = buckets[at - 1] ?? { bound: 0, count: 0 };
  const { bound, count } = buckets[at]!;
  return bound === Infinity
    ? below.bound
    : below.bound + ((bound - below.bound) * (rank - below.count)) / (count - below.count);
}
