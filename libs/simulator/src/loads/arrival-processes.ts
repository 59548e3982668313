import { exponential, seededRandom, type Distribution, type Random } from './random.ts';

/** Jobs per second as a function of the time in ms. */
export type Rate = (atMs: number) => number;

/** Poisson arrivals of a rate that changes, by thinning a faster constant one (Lewis and Shedler, 1979). */
export function poissonArrivals(rate: Rate, most: number, durationMs: number, random: Random): Float64Array {
  const times: number[] = [];
  const gap = exponential(1_000 / most);
  for (let atMs = gap(random); atMs < durationMs; atMs += gap(random)) {
    const now = rate(atMs);
    if (now > most) throw new RangeError(`a rate of ${now}/s at ${atMs} ms exceeds the most of ${most}/s`);
    if (random() * most < now) times.push(atMs);
  }
  return Float64Array.from(times);
}

/** A rate that jumps at given times: [[0, 5], [600_000, 20]] is 5/s for ten minutes, then 20/s. */
export function steps(levels: readonly (readonly [fromMs: number, perSecond: number])[]): Rate {
  return (atMs) => levels.findLast(([fromMs]) => atMs >= fromMs)?.[1] ?? 0;
}

/** Straight lines between given points, constant before the first and after the last. */
export function ramps(points: readonly (readonly [atMs: number, perSecond: number])[]): Rate {
  return (atMs) => {
    const next = points.findIndex(([pointMs]) => pointMs > atMs);
    if (next === -1) return points.at(-1)?.[1] ?? 0;
    const [toMs, to] = points[next]!;
    const [fromMs, from] = points[Math.max(0, next - 1)]!;
    return next === 0 ? to : from + ((to - from) * (atMs - fromMs)) / (toMs - fromMs);
  };
}

/** A sine between two rates, lowest at 0. */
export function diurnal(low: number, high: number, periodMs: number): Rate {
  return (atMs) => low + ((high - low) * (1 - Math.cos((2 * Math.PI * atMs) / periodMs))) / 2;
}

/**
 * A Markov-modulated Poisson process: the rate holds one of the states for an exponential time, then jumps to another.
 * The usual model of bursty traffic (Fischer and Meier-Hellstern, "The MMPP cookbook", 1993).
 */
export function modulated(
  states: readonly { readonly perSecond: number; readonly holdMs: number }[],
  durationMs: number,
  random: Random,
): Rate {
  const levels: [fromMs: number, perSecond: number][] = [];
  let state = 0;
  for (let atMs = 0; atMs < durationMs; atMs += exponential(states[state]!.holdMs)(random)) {
    if (levels.length > 0) state = (state + 1 + Math.floor(random() * (states.length - 1))) % states.length;
    levels.push([atMs, states[state]!.perSecond]);
  }
  return steps(levels);
}

/** Jobs added in bulk: `jobs` within `spreadMs`, from each of the times on. */
export function bursts(timesMs: readonly number[], jobs: Distribution, spreadMs: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const times = timesMs.flatMap((fromMs) =>
    Array.from({ length: Math.max(1, Math.round(jobs(random))) }, () => fromMs + random() * spreadMs),
  );
  return Float64Array.from(times).toSorted();
}

export function merged(...streams: readonly Float64Array[]): Float64Array {
  return Float64Array.from(streams.flatMap((stream) => [...stream])).toSorted();
}
