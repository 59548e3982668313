import { AVERAGE, BIN_MS, stepsAhead } from '@redis-queue/scaling/forecast';
import { readArguments } from '../command-line/arguments.ts';
import { arrivalRates } from './arrival-rates.ts';
import { comparedMethods } from './methods.ts';
import { score, type Score } from './score.ts';
import { syntheticWorkloads } from '../simulation/synthetic.ts';
import { readTraces } from '../simulation/traces.ts';

// Which method forecasts arrivals best, out of sample, on all traces and synthetic workloads? Each forecasts the rate
// of the five seconds in which a horizon ends, from all that came before, and is judged when they are over.
const HELP = `usage: [TRACES=folder] make bench NAME=forecast [ARGS="--horizons=3,10,30,60 --only=name --seed=1"]

TRACES       a folder of *.csv as for \`simulate\`; without it only the synthetic workloads are forecast
--horizons   seconds ahead
--only       workloads whose name contains this
`;

const values = readArguments(HELP, {
  horizons: { type: 'string', default: '3,10,30,60' },
  only: { type: 'string', default: '' },
  seed: { type: 'string', default: '1' },
});
const seed = Number(values.seed);
const horizons = values.horizons.split(',').map(Number);
const badHorizon = horizons.find((seconds) => !(seconds > 0));
if (badHorizon !== undefined) throw new Error(`--horizons=${values.horizons}: write seconds above 0, such as 3,10`);
const traces = process.env['TRACES'] ? readTraces(process.env['TRACES'], seed) : [];
const workloads = [...syntheticWorkloads(seed), ...traces].filter(({ name }) => name.includes(values.only));
if (workloads.length === 0) throw new Error(`--only=${values.only}: no workload has that in its name`);
const series = workloads.map((workload) => ({ name: workload.name, rates: arrivalRates(workload, BIN_MS) }));
const bins = sum(series, ({ rates }) => rates.length);

const rows = horizons.flatMap((seconds) => {
  const steps = stepsAhead(seconds * 1_000);
  return comparedMethods(steps).map((method) => {
    const started = process.cpuUsage();
    const scores = series.map(({ rates }) => score(method, AVERAGE, rates, BIN_MS, steps));
    const { user, system } = process.cpuUsage(started);
    const row = { horizonSeconds: seconds, method: method.name, ...mean(scores), microsAStep: (user + system) / bins };
    console.error(`${seconds} s ${method.name}: MASE ${scores.map(byWorkload).join(', ')}`);
    return row;
  });
});
console.table(rows.map(rounded));
const names = [...new Set(rows.map(({ method }) => method))];
const perMethod = names.map((method) => {
  const own = rows.filter((row) => row.method === method);
  return { method, mase: geometricMean(own.map(({ mase }) => mase)), horizons: own.map((row) => rounded(row)) };
});
const notFinite = sum(rows, (row) => row.notFinite);
console.log(
  JSON.stringify({
    bench: 'forecast',
    best: perMethod.toSorted((a, b) => a.mase - b.mase)[0]!.method,
    n: sum(rows, ({ n }) => n),
    notFinite,
    workloads: series.map(({ name }) => name),
    seed,
    perMethod: perMethod.map((method) => rounded(method)),
  }),
);
process.exitCode = notFinite === 0 ? 0 : 1;

function byWorkload({ mase }: Score, index: number): string {
  return `${series[index]!.name} ${mase.toFixed(2)}`;
}

/**
 * Errors are ratios, whose mean is the geometric one; shares have the usual one. Each workload counts alike, however
 * long it is.
 */
function mean(scores: readonly Score[]): Score {
  const share = (of: (one: Score) => number): number => sum(scores, of) / scores.length;
  return {
    mase: geometricMean(scores.map(({ mase }) => mase)),
    pinball: geometricMean(scores.map(({ pinball }) => pinball)),
    coverage: share(({ coverage }) => coverage),
    growthSeen: share(({ growthSeen }) => growthSeen),
    growthFalse: share(({ growthFalse }) => growthFalse),
    n: sum(scores, ({ n }) => n),
    notFinite: sum(scores, (one) => one.notFinite),
  };
}

function geometricMean(ratios: readonly number[]): number {
  return Math.exp(sum(ratios, (ratio) => Math.log(Math.max(ratio, 1e-6))) / ratios.length);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function rounded<T extends object>(row: T): T {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? Number(value.toPrecision(4)) : value]),
  ) as T;
}
