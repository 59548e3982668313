/** Uniform in [0, 1). */
export type Random = () => number;

/** Draws a value, such as a service time in ms. */
export type Distribution = (random: Random) => number;

/** mulberry32: fast, 2³² long, the same numbers for the same seed. */
export function seededRandom(seed: number): Random {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A whole number from `least` to `most`, both included. */
export function wholeBetween(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

export function constant(value: number): Distribution {
  return () => value;
}

export function exponential(mean: number): Distribution {
  return (random) => -Math.log(1 - random()) * mean;
}

/** @param variation standard deviation ÷ mean. */
export function lognormal(mean: number, variation: number): Distribution {
  const sigma = Math.sqrt(Math.log(1 + variation * variation));
  const mu = Math.log(mean) - (sigma * sigma) / 2;
  return (random) => Math.exp(mu + sigma * standardNormal(random));
}

/** Heavy-tailed: P(value > x) falls like x^−shape. @param shape > 1, or there is no mean; ≤ 2 has no variance. */
export function pareto(mean: number, shape: number): Distribution {
  if (!(shape > 1)) throw new RangeError(`pareto: shape is ${shape}, and only above 1 there is a mean`);
  const least = (mean * (shape - 1)) / shape;
  return (random) => least * (1 - random()) ** (-1 / shape);
}

/** Box and Muller. */
function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
