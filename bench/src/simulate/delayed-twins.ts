import {
  addedWhenDue,
  exponential,
  lognormal,
  missShare,
  poissonArrivals,
  seededRandom,
  simulate,
  workload,
  type Workload,
} from '@redis-queue/simulator';
import { openStage, STAGE_DEFAULTS } from '../simulation/stage.ts';
import { MINUTE } from '../simulation/times.ts';
import { debouncedFor, everyFewSeconds, idsOf, scheduled } from './kinds-of-work.ts';

const DURATION_MS = 8 * MINUTE;
const SHARES = [0.1, 0.5, 1] as const;
const TARGETS = ['1s', '5s', '30s'] as const;

/** One load, beside the same jobs added when they are due. */
export interface Twins {
  readonly name: string;
  readonly target: string;
  /** Our pod-seconds for the load ÷ those for its twin. */
  readonly podSecondsRatio: number;
  readonly pods: number;
  readonly twinPods: number;
  readonly misses: number;
  readonly twinMisses: number;
  readonly lost: number;
}

/**
 * Delayed, scheduled and deduplicated flows under our policy, each beside the same jobs added when due: that a job was
 * announced, or added by several, must cost nothing.
 */
export function delayedTwins(seed: number, only: string): Twins[] {
  return flows(seed)
    .filter(({ name }) => name.includes(only))
    .flatMap((load) => TARGETS.map((target) => compare(load, target, seed)));
}

function compare(load: Workload, target: string, seed: number): Twins {
  const { environment, waitTargetMs, ours } = openStage({ ...STAGE_DEFAULTS, target, seed: String(seed) });
  const run = simulate(load, ours(), environment);
  const twin = simulate(addedWhenDue(load, run), ours(), environment);
  return {
    name: load.name,
    target,
    podSecondsRatio: run.podSeconds / twin.podSeconds,
    pods: pods(run.podSeconds),
    twinPods: pods(twin.podSeconds),
    misses: missShare(run, waitTargetMs),
    twinMisses: missShare(twin, waitTargetMs),
    lost: run.jobs - run.completed + twin.jobs - twin.completed,
  };
}

function pods(podSeconds: number): number {
  return podSeconds / (DURATION_MS / 1_000);
}

export function flows(seed: number): Workload[] {
  const random = (salt: number) => seededRandom(seed * 37 + salt);
  const arrivals = (perSecond: number) => poissonArrivals(() => perSecond, perSecond, DURATION_MS, random(73));
  const flowing = (name: string, perSecond: number, meanMs: number): Workload =>
    workload({ name, durationMs: DURATION_MS, seed, service: lognormal(meanMs, 0.5) }, arrivals(perSecond));
  const busy = flowing('twins-deduplicated', 60, 5_000);
  const single = flowing('twins-of-one-id', 20, 10_000);
  const edits = flowing('twins-debounced', 40, 5_000);
  return [
    ...SHARES.map((share) =>
      workload(
        {
          name: `twins-delayed-${share * 100}%`,
          durationMs: DURATION_MS,
          seed,
          service: exponential(1_000),
          delayed: { share, delay: lognormal(30_000, 1) },
        },
        arrivals(25),
      ),
    ),
    scheduled('twins-scheduled', DURATION_MS, everyFewSeconds(random(79)), lognormal(1_500, 1), seed),
    { ...busy, deduplication: { mode: 'simple', idOf: idsOf(busy, 40, random(83)) } },
    { ...single, deduplication: { mode: 'simple', idOf: idsOf(single, 1, random(89)) } },
    { ...edits, ...debouncedFor(5_000, edits, random(97)) },
  ];
}
