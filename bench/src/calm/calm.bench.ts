import { slotsForWaitTarget } from '@redis-queue/scaling';
import {
  afterWarmUp,
  exponential,
  missShare,
  poissonArrivals,
  production,
  reversals,
  seededRandom,
  simulate,
  workload,
} from '@redis-queue/simulator';
import { readArguments } from '../command-line/arguments.ts';
import { openStage, STAGE_FLAGS } from '../simulation/stage.ts';

// A load that does not change: how often does the size change nevertheless, and how much larger is it than the smallest
// fixed fleet that keeps the target by Erlang C? Each run is an hour of simulated time after a warm-up.
const HELP = `usage: make bench NAME=calm [ARGS="--tries=20 --service=1 --concurrency=4 --target=5s --pod-start=3 --seed=1"]

--tries      runs of each load, with as many seeds
--service    mean seconds a job runs, exponential
`;
const MINUTE = 60_000;
const WARM_UP_MS = 10 * MINUTE;
const MEASURED_MS = 60 * MINUTE;
const LOADS = [5, 50] as const;
const ALLOWED = { changes: 2, reversals: 0, ratioToErlangC: 1.15, misses: 0.05 } as const;

const values = readArguments(HELP, {
  ...STAGE_FLAGS,
  tries: { type: 'string', default: '20' },
  service: { type: 'string', default: '1' },
});
const serviceMs = Number(values.service) * 1_000;
const first = Number(values.seed);

const loads = LOADS.map((slots) => {
  const runs = Array.from({ length: Number(values.tries) }, (_, n) => calmRun(slots, first + n));
  const worst = (of: (run: CalmRun) => number): number => Math.max(...runs.map(of));
  return {
    slots,
    n: runs.length,
    changesMax: worst(({ changes }) => changes),
    changesMean: runs.reduce((sum, { changes }) => sum + changes, 0) / runs.length,
    reversalsMax: worst((run) => run.reversals),
    ratioToErlangCMax: worst(({ ratioToErlangC }) => ratioToErlangC),
    missesMax: worst(({ misses }) => misses),
    lost: runs.reduce((sum, { lost }) => sum + lost, 0),
  };
});
console.table(loads);
console.log(
  JSON.stringify({
    bench: 'calm',
    // Each the worst of all runs.
    changes: Math.max(...loads.map(({ changesMax }) => changesMax)),
    reversals: Math.max(...loads.map(({ reversalsMax }) => reversalsMax)),
    ratioToErlangC: Math.max(...loads.map(({ ratioToErlangCMax }) => ratioToErlangCMax)),
    missesMax: Math.max(...loads.map(({ missesMax }) => missesMax)),
    sloMet: loads.every(({ missesMax }) => missesMax <= ALLOWED.misses),
    goals: ALLOWED,
    lost: loads.reduce((sum, { lost }) => sum + lost, 0),
    loads,
  }),
);
process.exitCode = loads.every(({ lost }) => lost === 0) ? 0 : 1;

interface CalmRun {
  readonly changes: number;
  readonly reversals: number;
  readonly ratioToErlangC: number;
  readonly misses: number;
  readonly lost: number;
}

function calmRun(slots: number, seed: number): CalmRun {
  const { environment, pool, waitTargetMs, concurrency } = openStage(values, seed);
  const durationMs = WARM_UP_MS + MEASURED_MS;
  const perSecond = (slots * 1_000) / serviceMs;
  const addedMs = poissonArrivals(() => perSecond, perSecond, durationMs, seededRandom(seed));
  const jobs = workload({ name: 'calm', durationMs, seed, service: exponential(serviceMs) }, addedMs);
  const whole = simulate(jobs, production(pool, seed), environment);
  const run = afterWarmUp(whole, WARM_UP_MS);
  const target = { offeredLoad: slots, serviceTimeMs: serviceMs, waitTargetMs };
  const smallest = slotsForWaitTarget({ ...target, missRate: 0.05, variability: 1 });
  const calm = {
    changes: run.changes.length,
    reversals: reversals(run),
    ratioToErlangC: meanReplicas(whole.changes, WARM_UP_MS, durationMs) / Math.ceil(smallest / concurrency),
    misses: missShare(run, waitTargetMs),
    lost: whole.jobs - whole.completed,
  };
  console.error(`λS ${slots} seed ${seed}: ${JSON.stringify(calm)}`);
  return calm;
}

/** The time-weighted mean of the size. */
function meanReplicas(
  changes: readonly { readonly atMs: number; readonly to: number }[],
  fromMs: number,
  untilMs: number,
): number {
  let [replicas, atMs, sum] = [0, fromMs, 0];
  for (const change of changes) {
    const until = Math.min(untilMs, change.atMs);
    if (until > atMs) {
      sum += replicas * (until - atMs);
      atMs = until;
    }
    replicas = change.to;
  }
  return (sum + replicas * Math.max(0, untilMs - atMs)) / (untilMs - fromMs);
}
