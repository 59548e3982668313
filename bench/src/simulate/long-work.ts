import { bursts, constant, lognormal, poissonArrivals, seededRandom, simulate, workload } from '@redis-queue/simulator';
import type { Workload } from '@redis-queue/simulator';
import { openStage, STAGE_DEFAULTS } from '../simulation/stage.ts';
import { HOUR, MINUTE, SECOND } from '../simulation/times.ts';

/** How long a job runs, and over how long it is watched. */
const LENGTHS = [
  ['1s', SECOND, 20 * MINUTE],
  ['1min', MINUTE, 40 * MINUTE],
  ['20min', 20 * MINUTE, 2 * HOUR],
  ['1h', HOUR, 2.5 * HOUR],
  ['3h', 3 * HOUR, 5 * HOUR],
] as const;
const BURST = 100;
const FLOW_SLOTS = 20;

/** What scale-ins threw away of a load of jobs of one length. */
export interface LongWork {
  readonly name: string;
  readonly jobs: number;
  readonly workMs: number;
  readonly discardedWorkMs: number;
  readonly lost: number;
}

/** Bursts and flows of jobs of a second to three hours under our policy, with the default drain. */
export function longWork(seed: number, only: string): LongWork[] {
  const { environment, ours } = openStage({ ...STAGE_DEFAULTS, target: '30s', seed: String(seed) });
  return loads(seed)
    .filter(({ name }) => name.includes(only))
    .map((load) => {
      const run = simulate(load, ours(), environment);
      return {
        name: load.name,
        jobs: run.jobs,
        workMs: load.serviceMs.reduce((sum, ms) => sum + ms, 0),
        discardedWorkMs: run.discardedMs,
        lost: run.jobs - run.completed,
      };
    });
}

function loads(seed: number): Workload[] {
  return LENGTHS.flatMap(([length, meanMs, durationMs]) => {
    const plan = { durationMs, seed, service: lognormal(meanMs, 0.4) };
    const perSecond = (FLOW_SLOTS * 1_000) / meanMs;
    // The flow ends half-way, so that the pool has to shrink while its last jobs run.
    const flow = poissonArrivals(() => perSecond, perSecond, durationMs / 2, seededRandom(seed + 101));
    return [
      workload({ ...plan, name: `drain-burst-of-${length}` }, bursts([MINUTE], constant(BURST), 2_000, seed)),
      workload({ ...plan, name: `drain-flow-of-${length}` }, flow),
    ];
  });
}
