import {
  bursts,
  constant,
  diurnal,
  exponential,
  lognormal,
  merged,
  poissonArrivals,
  ramps,
  schedulerRuns,
  seededRandom,
  steps,
  workload,
  type Deduplication,
  type Distribution,
  type Random,
  type Rate,
  type Scheduler,
  type Workload,
} from '@redis-queue/simulator';
import { STAGE_DEFAULTS, type Circumstances, type StageFlags } from '../simulation/stage.ts';
import { HOUR, MINUTE, SECOND } from '../simulation/times.ts';
import type { Case } from './judge-pool.ts';

/** Steps of a load of a few dozen slots, in a quarter of an hour. */
const STEPS: Rate = steps([8, 24, 12, 36, 8].map((rate, n) => [n * 3 * MINUTE, rate] as const));
/** A load that only grows, so that no shrink takes away a pod that is bad. */
const RISING: Rate = ramps([
  [0, 2],
  [12 * MINUTE, 36],
]);
const WEB = lognormal(2_000, 1.5);

/**
 * What queues are used for beside jobs that are added and run at once, and where pods may not come or stay: delays, job
 * schedulers, deduplication, rate limits, jobs of hours, a second pool, bad pods, nodes that have to start, spot. Each
 * kind beside all rivals, which meet the same. All from the seed.
 */
export function kindsOfWork(seed: number, flags: StageFlags): Case[] {
  const on = (jobs: Workload, over: Partial<StageFlags> = {}, circumstances: Circumstances = {}): Case => ({
    workload: jobs,
    flags: { ...STAGE_DEFAULTS, ...flags, ...over },
    circumstances,
  });
  const random = (salt: number): Random => seededRandom(seed * 31 + salt);
  const flowing = (name: string, durationMs: number, most: number, rate: Rate, service: Distribution): Workload =>
    workload({ name, durationMs, seed, service }, poissonArrivals(rate, most, durationMs, random(43)));
  const delayed = (name: string, share: number, delay: Distribution): Workload =>
    workload(
      { name, durationMs: 0.25 * HOUR, seed, service: exponential(1_000), delayed: { share, delay } },
      poissonArrivals(STEPS, 36, 0.25 * HOUR, random(47)),
    );
  const edits = flowing('debounced', 0.25 * HOUR, 40, () => 40, lognormal(5_000, 0.5));
  const busy = flowing('deduplicated', 0.25 * HOUR, 60, () => 60, lognormal(5_000, 0.5));
  const limited = flowing('limited-by-its-queue', 0.25 * HOUR, 40, () => 40, exponential(1_000));
  const ownLimit = flowing('limited-by-its-workers', 0.25 * HOUR, 30, () => 30, exponential(1_000));
  return [
    on(delayed('delayed-half', 0.5, lognormal(30_000, 1))),
    on(delayed('delayed-all', 1, exponential(60_000))),
    on(scheduled('job-schedulers', 0.25 * HOUR, everyFewSeconds(random(53)), lognormal(1_500, 1), seed)),
    on(scheduled('cron-of-a-minute', 0.25 * HOUR, eachMinute(300), lognormal(2_000, 0.5), seed)),
    on({ ...busy, deduplication: { mode: 'simple', idOf: idsOf(busy, 40, random(59)) } }),
    on({ ...edits, ...debouncedFor(5_000, edits, random(61)) }),
    on({ ...limited, limits: [{ fromMs: 4 * MINUTE, max: 12, durationMs: SECOND, by: 'queue' }] }),
    on({ ...ownLimit, limits: [{ fromMs: 0, max: 15, durationMs: SECOND, by: 'worker' }] }),
    on(
      workload(
        { name: 'bursts-of-hours', durationMs: 3.5 * HOUR, seed, service: lognormal(45 * MINUTE, 0.4) },
        bursts([10 * MINUTE, 1.75 * HOUR], constant(60), 5_000, seed + 67),
      ),
      { target: '30s' },
    ),
    on(
      flowing('seconds-to-hours', 3.5 * HOUR, 0.04, () => 0.04, logUniform(SECOND, 3 * HOUR)),
      { target: '30s' },
    ),
    on(longAndShort('second-pool', 0.75 * HOUR, seed), { concurrency: '10' }, { secondPoolS: 600 }),
    on(flowing('bad-pods', 0.25 * HOUR, 36, RISING, WEB), {}, { badPods: 0.2 }),
    on(
      flowing('new-nodes', 0.5 * HOUR, 30, diurnal(2, 30, 0.5 * HOUR), WEB),
      { target: '30s' },
      { nodes: { podsPerNode: 4, standing: 2, startS: [60, 300] } },
    ),
    on(
      flowing('spot', 0.5 * HOUR, 2, diurnal(0.4, 2, 0.5 * HOUR), lognormal(30_000, 1)),
      {},
      { spot: { lifeS: 1_200, noticeS: 30 } },
    ),
  ];
}

/** Jobs of job schedulers. */
export function scheduled(
  name: string,
  durationMs: number,
  schedulers: readonly Scheduler[],
  service: Distribution,
  seed: number,
): Workload {
  const { addedMs, ...rest } = schedulerRuns(schedulers, durationMs);
  return { ...workload({ name, durationMs, seed, service }, addedMs), ...rest };
}

/** 120 of them, each with a beat and a phase of its own. */
export function everyFewSeconds(random: Random): Scheduler[] {
  return Array.from({ length: 120 }, (_, n) => {
    const everyMs = [2, 5, 10, 30, 60][n % 5]! * SECOND;
    return { firstMs: random() * everyMs, everyMs, cron: false };
  });
}

function eachMinute(schedulers: number): Scheduler[] {
  return Array.from({ length: schedulers }, () => ({ firstMs: MINUTE, everyMs: MINUTE, cron: true }));
}

/** One of so many ids for each add. */
export function idsOf({ addedMs }: Workload, ids: number, random: Random): Uint32Array {
  return Uint32Array.from(addedMs, () => 1 + Math.floor(random() * ids));
}

/** Things that are edited some ten times in a row, each edit an add. */
export function debouncedFor(
  ttlMs: number,
  { addedMs }: Workload,
  random: Random,
): { readonly delayMs: Float64Array; readonly deduplication: Deduplication } {
  const ids = Array.from({ length: 40 }, (_, id) => id + 1);
  let last = ids.length;
  const idOf = Uint32Array.from(addedMs, () => {
    const at = Math.floor(random() * ids.length);
    const id = ids[at]!;
    if (random() < 0.1) ids[at] = ++last;
    return id;
  });
  return {
    delayMs: addedMs.map(() => ttlMs),
    deduplication: { mode: 'debounce', ttlMs, idOf },
  };
}

/** As many jobs of 1 to 10 s as of 10 to 100. */
function logUniform(least: number, most: number): Distribution {
  return (random) => least * (most / least) ** random();
}

/** 80 jobs of half an hour at once, beside a flow of short ones. */
function longAndShort(name: string, durationMs: number, seed: number): Workload {
  const long = bursts([MINUTE], constant(80), 100, seed);
  const short = poissonArrivals(() => 8, 8, durationMs, seededRandom(seed + 71));
  const jobs = workload({ name, durationMs, seed, service: exponential(1_000) }, merged(long, short));
  const isLong = new Set(long);
  return { ...jobs, serviceMs: jobs.serviceMs.map((ms, job) => (isLong.has(jobs.addedMs[job]!) ? 30 * MINUTE : ms)) };
}
