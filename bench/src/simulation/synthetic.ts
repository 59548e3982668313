import {
  bursts,
  diurnal,
  exponential,
  lognormal,
  merged,
  modulated,
  pareto,
  poissonArrivals,
  ramps,
  seededRandom,
  steps,
  workload,
  type Rate,
  type Workload,
  type WorkloadPlan,
} from '@redis-queue/simulator';
import { HOUR, MINUTE } from './times.ts';

type Service = Pick<WorkloadPlan, 'service' | 'delayed' | 'priorities' | 'failing'>;

/**
 * The loads that come to mind first: flat, steps, ramps, spikes, a day, and bursts that nobody planned; all from the
 * seed.
 */
export function syntheticWorkloads(seed: number): Workload[] {
  const web: Service = { service: lognormal(2_000, 1.5) };
  const flowing = (name: string, durationMs: number, most: number, rate: Rate, of: Service): Workload =>
    workload({ name, durationMs, seed, ...of }, poissonArrivals(rate, most, durationMs, seededRandom(seed + 17)));
  const bursty = (holdMs: number, durationMs: number): Rate =>
    modulated(
      [
        { perSecond: 2, holdMs: 2 * holdMs },
        { perSecond: 12, holdMs },
        { perSecond: 40, holdMs: holdMs / 3 },
      ],
      durationMs,
      seededRandom(seed + 5),
    );
  return [
    flowing('poisson-5-slots', HOUR, 5, () => 5, { service: exponential(1_000) }),
    flowing('poisson-50-slots', HOUR, 50, () => 50, { service: exponential(1_000) }),
    flowing(
      'steps',
      1.5 * HOUR,
      48,
      steps([0, 6, 12, 24, 48, 24, 12, 6, 48, 6].map((rate, n) => [n * 9 * MINUTE, rate])),
      web,
    ),
    flowing(
      'ramps',
      1.5 * HOUR,
      40,
      ramps([
        [0, 2],
        [30 * MINUTE, 40],
        [45 * MINUTE, 40],
        [50 * MINUTE, 5],
        [80 * MINUTE, 30],
        [90 * MINUTE, 2],
      ]),
      web,
    ),
    flowing('diurnal', 4 * HOUR, 30, diurnal(0.5, 30, 2 * HOUR), web),
    flowing('bursty-minutes', 2 * HOUR, 40, bursty(3 * MINUTE, 2 * HOUR), web),
    flowing('bursty-seconds', 2 * HOUR, 40, bursty(20_000, 2 * HOUR), web),
    flowing('heavy-tailed', 2 * HOUR, 40, bursty(5 * MINUTE, 2 * HOUR), { service: pareto(3_000, 1.7) }),
    flowing('long-jobs', 4 * HOUR, 1, diurnal(0.05, 1, 2 * HOUR), { service: lognormal(60_000, 1) }),
    flowing('short-jobs', HOUR, 200, bursty(4 * MINUTE, HOUR), { service: lognormal(100, 1) }),
    workload(
      { name: 'spikes-from-zero', durationMs: 2 * HOUR, seed, service: lognormal(1_000, 1) },
      bursts(every(8 * MINUTE, 2 * HOUR), exponential(600), 2_000, seed),
    ),
    workload(
      { name: 'spikes-on-a-base', durationMs: 2 * HOUR, seed, ...web },
      merged(
        poissonArrivals(() => 8, 8, 2 * HOUR, seededRandom(seed + 3)),
        bursts(every(10 * MINUTE, 2 * HOUR), exponential(300), 5_000, seed),
      ),
    ),
    workload(
      {
        name: 'scheduled',
        durationMs: 2 * HOUR,
        seed,
        service: lognormal(1_500, 1),
        delayed: { share: 1, delay: () => 3 * MINUTE },
      },
      bursts(every(6 * MINUTE, 2 * HOUR), exponential(400), 1_000, seed + 1),
    ),
    flowing('retries-and-priorities', 2 * HOUR, 20, diurnal(1, 20, HOUR), {
      ...web,
      priorities: [0, 1, 5, 10],
      failing: { share: 0.2, attempts: 4, backoffMs: 5_000 },
    }),
  ];
}

function every(periodMs: number, durationMs: number): number[] {
  return Array.from({ length: Math.floor(durationMs / periodMs) }, (_, n) => (n + 0.5) * periodMs);
}
