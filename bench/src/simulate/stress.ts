import {
  bursts,
  constant,
  diurnal,
  exponential,
  lognormal,
  merged,
  pareto,
  poissonArrivals,
  ramps,
  seededRandom,
  steps,
  workload,
  type Distribution,
  type Random,
  type Rate,
  type Workload,
} from '@redis-queue/simulator';
import type { Case } from './judge-pool.ts';
import { STAGE_DEFAULTS, type StageFlags } from '../simulation/stage.ts';
import { HOUR, MINUTE, SECOND } from '../simulation/times.ts';

type Flags = Partial<StageFlags>;

/**
 * Loads that no setting was made for: one job in minutes, jobs of 50 ms and of 10 minutes, targets of half a second and
 * of minutes, pods of one slot and of fifty that start in 1 s or in 30, counts by the minute and by the hour, nights,
 * flash crowds. They are here to find where the policy is not robust, so they are never what a constant is chosen by.
 * All from the seed.
 */
export function stressCases(seed: number): Case[] {
  const on = (flags: Flags, jobs: Workload): Case => ({
    workload: jobs,
    flags: { ...STAGE_DEFAULTS, seed: String(seed), ...flags },
  });
  const flowing = (name: string, durationMs: number, most: number, rate: Rate, service: Distribution): Workload =>
    workload({ name, durationMs, seed, service }, poissonArrivals(rate, most, durationMs, seededRandom(seed + 29)));
  const bulk = (name: string, durationMs: number, addedMs: Float64Array, service: Distribution): Workload =>
    workload({ name, durationMs, seed, service }, addedMs);
  const random = seededRandom(seed + 31);
  const web = lognormal(2_000, 1.5);
  const serverless = levels(MINUTE, 120, () => 1.5 * lognormal(1, 0.7)(random), 12);
  const cron = levels(MINUTE, 120, (minute) => (minute % 15 === 0 ? 20 : 1), 20);
  const hourly = levels(HOUR, 24, (hour) => (hour < 7 || hour > 20 ? 0.02 : 0.5 + random()), 2);
  const walk = wandering(10 * SECOND, 2 * HOUR, random);
  return [
    on(
      {},
      flowing('one-job-in-4-minutes', 24 * HOUR, 1 / 240, () => 1 / 240, lognormal(5_000, 1)),
    ),
    on(
      {},
      flowing('one-job-in-20-s', 6 * HOUR, 0.05, () => 0.05, web),
    ),
    on({}, flowing('serverless-minutes', 2 * HOUR, 12, serverless, lognormal(800, 2))),
    on({ concurrency: '1' }, flowing('cron-minutes-of-single-slots', 2 * HOUR, 20, cron, exponential(1_000))),
    on({}, flowing('working-hours', 24 * HOUR, 2, hourly, web)),
    on({}, flowing('on-2-off-3-minutes', 2 * HOUR, 20, onOff(2 * MINUTE, 3 * MINUTE, 20), exponential(1_000))),
    on({}, flowing('on-20-off-40-s', HOUR, 30, onOff(20 * SECOND, 40 * SECOND, 30), exponential(500))),
    on({}, flowing('flash-crowd', HOUR, 60, flashCrowd(4, 60), lognormal(1_000, 1))),
    on({}, flowing('wandering', 2 * HOUR, 40, walk, web)),
    on({ concurrency: '50' }, flowing('wandering-on-50-slots', 2 * HOUR, 40, walk, web)),
    on({ concurrency: '1', target: '30s' }, flowing('wandering-for-30-s', 2 * HOUR, 40, walk, web)),
    on({ target: '30s', 'pod-start': '30' }, flowing('wandering-slow-starts', 2 * HOUR, 40, walk, web)),
    on({ 'pod-start': '30' }, flowing('day-slow-starts', 2 * HOUR, 20, diurnal(1, 20, HOUR), web)),
    on({ target: '500ms' }, flowing('day-in-half-a-second', HOUR, 20, diurnal(2, 20, HOUR), lognormal(500, 1))),
    on(
      { target: '500ms', 'pod-start': '1', concurrency: '10' },
      flowing('tiny-jobs', 0.25 * HOUR, 120, diurnal(10, 120, 0.25 * HOUR), exponential(50)),
    ),
    on(
      { target: '5m' },
      flowing('10-minutes-a-job', 12 * HOUR, 0.1, diurnal(0.01, 0.1, 6 * HOUR), exponential(600_000)),
    ),
    on(
      { target: '30s' },
      flowing('10-minutes-a-job-in-30-s', 12 * HOUR, 0.06, () => 0.06, lognormal(600_000, 0.5)),
    ),
    on(
      { target: '30s', concurrency: '10' },
      bulk('bulk-each-20-minutes', 4 * HOUR, everyNow(20, 500, seed), lognormal(5_000, 1)),
    ),
    on({ 'pod-start': '10' }, bulk('spikes-on-slow-starts', 2 * HOUR, everyNow(7, 200, seed), constant(1_000))),
    on({ concurrency: '10' }, flowing('two-kinds-of-jobs', 2 * HOUR, 10, diurnal(2, 10, HOUR), bimodal)),
    on(
      { concurrency: '10' },
      flowing('heavy-tails-on-10-slots', HOUR, 10, () => 8, pareto(8_000, 1.5)),
    ),
    on({ concurrency: '10' }, flowing('steps-of-long-jobs', 3 * HOUR, 4, doubling(20 * MINUTE), exponential(20_000))),
    on({ concurrency: '10' }, flowing('many', 0.5 * HOUR, 100, diurnal(20, 100, 0.5 * HOUR), lognormal(3_000, 1))),
    on(
      {},
      workload(
        {
          name: 'retry-storm',
          durationMs: HOUR,
          seed,
          service: exponential(1_000),
          failing: { share: 0.5, attempts: 5, backoffMs: 2_000 },
          delayed: { share: 0.3, delay: exponential(60_000) },
        },
        merged(
          everyNow(10, 150, seed, HOUR),
          poissonArrivals(() => 3, 3, HOUR, seededRandom(seed + 37)),
        ),
      ),
    ),
    on(
      {},
      flowing(
        'ramp-from-nothing',
        HOUR,
        20,
        ramps([
          [10 * MINUTE, 0],
          [50 * MINUTE, 20],
        ]),
        exponential(1_500),
      ),
    ),
  ];
}

/** Mostly a tenth of a second, and half a minute for one job in twenty. */
function bimodal(draw: Random): number {
  return draw() < 0.95 ? 100 : 30_000;
}

/** A rate that is drawn anew for each interval, as counts by the minute or the hour have it. */
function levels(binMs: number, bins: number, draw: (bin: number) => number, most: number): Rate {
  return steps(Array.from({ length: bins }, (_, bin) => [bin * binMs, Math.min(most, draw(bin))] as const));
}

function onOff(onMs: number, offMs: number, perSecond: number): Rate {
  return (atMs) => (atMs % (onMs + offMs) < onMs ? perSecond : 0);
}

/** From `low` to `high` within ten seconds after 10 minutes, and back with a half-life of 5. */
function flashCrowd(low: number, high: number): Rate {
  return (atMs) => {
    const since = atMs - 10 * MINUTE;
    if (since < 0) return low;
    return low + (high - low) * Math.min(since / (10 * SECOND), 2 ** (-since / (5 * MINUTE)));
  };
}

function doubling(holdMs: number): Rate {
  return steps([0.5, 1, 2, 4, 1, 4, 0.5, 2, 1].map((rate, n) => [n * holdMs, rate] as const));
}

/** A geometric random walk between 0.5 and 40 per second. */
function wandering(stepMs: number, durationMs: number, random: Random): Rate {
  let rate = 5;
  return levels(
    stepMs,
    Math.ceil(durationMs / stepMs),
    () => (rate = Math.min(40, Math.max(0.5, rate * lognormal(1, 0.12)(random)))),
    40,
  );
}

/** About `jobs` jobs at once, each `minutes`. */
function everyNow(minutes: number, jobs: number, seed: number, durationMs = 2 * HOUR): Float64Array {
  const times = Array.from(
    { length: Math.floor(durationMs / (minutes * MINUTE)) },
    (_, n) => (n + 0.5) * minutes * MINUTE,
  );
  return bursts(times, exponential(jobs), 500, seed + 41);
}
