import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hundredths } from '../measuring/percentile.ts';
import { readArguments } from '../command-line/arguments.ts';
import { curves } from './curves.ts';
import { judgeAll, type Case } from './judge-pool.ts';
import { delayedTwins } from './delayed-twins.ts';
import type { Outcome, Verdict } from './judge.ts';
import { kindsOfWork } from './kinds-of-work.ts';
import { longWork } from './long-work.ts';
import { summarize } from './summary.ts';
import { openStage, STAGE_FLAGS } from '../simulation/stage.ts';
import { stressCases } from './stress.ts';
import { syntheticWorkloads } from '../simulation/synthetic.ts';
import { readTraces } from '../simulation/traces.ts';

// The policy that runs in the autoscaler, with one setting for all, against KEDA with HPA, Knative's autoscaler, target
// tracking on the backlog and fixed fleets, each with the setting of its grid that is best for the workload with
// hindsight; and against a schedule that knew the future. All in simulated time, on the same jobs.
const HELP = `usage: [TRACES=folder] make bench NAME=simulate [ARGS="--family=stress --out=folder --only=name --concurrency=4 --target=5s --pod-start=3 --seed=1"]

TRACES       a folder of *.csv, each "t_s,arrivals" (jobs in the interval that starts at t_s) or "t_s,service_ms" (one row per job);
             without it the synthetic workloads alone run
--family     "usual": the loads that come to mind first, the traces, and the kinds of work and of pods that need more than
             slots for arrivals, those partly beside twins; "stress": loads that no setting was made for, each on
             a stage of its own (slots of a pod, target, start time), without the traces
--only       workloads whose name contains this
--out        writes curves there, one SVG per workload
--concurrency, --target, --pod-start   slots of a pod, latencyP95, mean seconds a pod takes to start
`;

const GOALS: Readonly<Record<string, object>> = {
  usual: {
    sloMissRatioToBest: 0.1,
    worstTraceRatio: 1.05,
    podSecondsRatioToClairvoyant: 1.4,
    utilisation: 0.72,
    costRatioToFixedFleet: 0.65,
    changesPerHour: 15,
    worstDelayedRatio: 1.15,
    discardedWorkMs: 0,
  },
  stress: { sloMissRatioToBest: 0.2, worstTraceRatio: 1.5, podSecondsRatioToClairvoyant: 1.3 },
};

const values = readArguments(HELP, {
  ...STAGE_FLAGS,
  out: { type: 'string' },
  only: { type: 'string', default: '' },
  family: { type: 'string', default: 'usual' },
});

const stage = openStage(values);
const { seed } = stage.environment;
const traces = process.env['TRACES'] && values.family === 'usual' ? readTraces(process.env['TRACES'], seed) : [];
const cases = casesOf(values.family).filter(({ workload }) => workload.name.includes(values.only));
const startedMs = performance.now();
const twins = values.family === 'usual' ? delayedTwins(seed, values.only) : [];
const long = values.family === 'usual' ? longWork(seed, values.only) : [];
if (cases.length + twins.length + long.length === 0)
  throw new Error(`--only=${values.only}: no workload has that in its name`);
const verdicts = await judgeAll(cases, (text) => console.error(text));
const summary = summarize(
  verdicts,
  traces.map(({ name }) => name),
);
const lost = [...twins, ...long].reduce((sum, one) => sum + one.lost, summary.lost);
const thrownAwayMs = long.reduce((sum, one) => sum + one.discardedWorkMs, summary.discardedWorkMs);
if (values.out !== undefined) {
  mkdirSync(values.out, { recursive: true });
  verdicts.forEach((verdict, index) => {
    const { concurrency, waitTargetMs } = openStage(cases[index]!.flags);
    writeFileSync(join(values.out!, `${verdict.workload.name}.svg`), curves(verdict, concurrency, waitTargetMs));
  });
}

console.table(verdicts.map(row));
console.table(Object.fromEntries(verdicts.map((verdict) => [verdict.workload.name, elasticityRow(verdict)])));
if (twins.length > 0) console.table(twins.map(rounded));
if (long.length > 0) console.table(long.map(rounded));
console.log(
  JSON.stringify({
    bench: 'simulate',
    family: values.family,
    ...rounded(summary),
    worstDelayedRatio: twins.length === 0 ? null : rounded(Math.max(...twins.map((one) => one.podSecondsRatio))),
    discardedWorkMs: Math.round(thrownAwayMs),
    lost,
    goals: GOALS[values.family],
    concurrency: stage.concurrency,
    waitTargetMs: stage.waitTargetMs,
    seed,
    perTrace: verdicts.map(traceReport),
    twins: twins.map(rounded),
    longWork: long.map(rounded),
    seconds: Math.round((performance.now() - startedMs) / 1_000),
  }),
);
process.exitCode = lost === 0 ? 0 : 1;

function casesOf(family: string): Case[] {
  if (family === 'stress') return stressCases(seed);
  if (family !== 'usual') throw new Error(`--family=${family}: write "usual" or "stress"`);
  const known = [...syntheticWorkloads(seed), ...traces].map((workload) => ({ workload, flags: values }));
  return [...known, ...kindsOfWork(seed, values)];
}

function row(verdict: Verdict) {
  const { workload, loadSlots, ours, best, sloMissRatio, podSecondsToClairvoyant, podSecondsToWork } = verdict;
  const { utilisation, costToFixedFleet, changesPerHour, discardedWorkMs } = verdict;
  const pods = ({ podSeconds }: Outcome): number => hundredths((podSeconds * 1_000) / workload.durationMs);
  return {
    workload: workload.name,
    jobs: workload.addedMs.length,
    slots: hundredths(loadSlots),
    'late %': hundredths(ours.misses * 100),
    pods: pods(ours),
    changes: ours.changes,
    'best rival': best.scaler,
    'its late %': hundredths(best.misses * 100),
    'its pods': pods(best),
    ratio: verdict.isAttainable ? hundredths(sloMissRatio) : '-',
    '÷ clairvoyant': podSecondsToClairvoyant === undefined ? '-' : hundredths(podSecondsToClairvoyant),
    '÷ work': hundredths(podSecondsToWork),
    'used %': hundredths(utilisation * 100),
    '÷ fixed': costToFixedFleet === undefined ? '-' : hundredths(costToFixedFleet),
    'changes/h': hundredths(changesPerHour),
    'thrown away h': hundredths(discardedWorkMs / 3_600_000),
  };
}

function elasticityRow({ ours: { elasticity, elasticSpeedup, changes, reversals, waitP95Ms } }: Verdict) {
  const { underAccuracy, overAccuracy, underTimeshare, overTimeshare, instability } = elasticity;
  const percents = { 'θU %': underAccuracy, 'θO %': overAccuracy, 'τU %': underTimeshare, 'τO %': overTimeshare };
  return {
    ...Object.fromEntries(Object.entries(percents).map(([name, share]) => [name, hundredths(share * 100)])),
    'υ %': hundredths(instability * 100),
    'speed-up on KEDA': hundredths(elasticSpeedup),
    changes,
    reversals,
    'wait p95 ms': Math.round(waitP95Ms),
  };
}

function traceReport({ workload, runs, ...verdict }: Verdict): object {
  return rounded({ trace: workload.name, jobs: workload.addedMs.length, completed: runs.ours.completed, ...verdict });
}

/** Numbers to four significant digits, all the way down: what is beyond them is noise. */
function rounded<T>(value: T): T {
  if (typeof value === 'number') return (Number.isInteger(value) ? value : Number(value.toPrecision(4))) as T;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rounded(inner)])) as T;
}
