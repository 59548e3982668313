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
