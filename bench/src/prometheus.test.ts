import { expect, it } from 'vitest';
import { growth, samplesOf, sumBy } from './prometheus.ts';

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
