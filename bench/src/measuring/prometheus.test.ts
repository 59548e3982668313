import { describe, expect, it } from 'vitest';
import { growth, histogramQuantile, samplesOf, sumBy } from './prometheus.ts';

const PAGE = `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{verb="PUT",resource="leases"} 7
requests_total{verb="PATCH",resource="pods",note="a \\"b\\", c"} 1.5e3
requests_total{verb="PATCH",resource="nodes"} 2
requests_total_of_others{verb="PUT"} 9
up 1
`;

it('samples of a metric are read with their labels', () => {
  expect(samplesOf(PAGE, 'requests_total').map(({ value }) => value)).toEqual([7, 1500, 2]);
  expect(samplesOf(PAGE, 'requests_total')[1]?.labels).toEqual({
    verb: 'PATCH',
    resource: 'pods',
    note: String.raw`a \"b\", c`,
  });
  expect(samplesOf(PAGE, 'up')).toEqual([{ name: 'up', labels: {}, value: 1 }]);
});

it('counters are summed by what their labels say', () => {
  const byVerb = sumBy(samplesOf(PAGE, 'requests_total'), ({ verb, resource }) =>
    resource === 'leases' ? undefined : verb,
  );
  expect([...byVerb]).toEqual([['PATCH', 1502]]);
});

it('growth names only what grew', () => {
  const before = new Map([
    ['a', 1],
    ['b', 2],
  ]);
  const after = new Map([
    ['a', 1],
    ['b', 5],
    ['c', 9],
  ]);
  expect([...growth(before, after)]).toEqual([
    ['c', 9],
    ['b', 3],
  ]);
});

function lagPage(small: number, middle: number, all: number): string {
  const buckets = { '0.1': small, '0.2': middle, '+Inf': all };
  const lines = Object.entries(buckets).map(([le, count]) => `lag_bucket{le="${le}"} ${count}`);
  return [...lines, `lag_count ${all}`].join('\n');
}

describe('quantiles of a histogram between two readings', () => {
  it.each([
    [0.1, 0.1],
    [0.5, 0.1444],
    [1, 0.2],
  ])('are interpolated within the bucket, of what came in between: %d', (fraction, seconds) => {
    expect(histogramQuantile(lagPage(10, 10, 10), lagPage(20, 110, 110), 'lag', fraction)).toBeCloseTo(seconds);
  });

  it('are the highest bound with a value above all bounds, and unknown without observations', () => {
    expect(histogramQuantile(lagPage(0, 0, 0), lagPage(0, 0, 5), 'lag', 0.5)).toBe(0.2);
    expect(histogramQuantile(lagPage(1, 2, 3), lagPage(1, 2, 3), 'lag', 0.5)).toBeNaN();
  });
});
