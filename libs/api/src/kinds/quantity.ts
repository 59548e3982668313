const SUFFIXES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * Longer texts are no amount of anything: whoever may write a pod template may write any, and this is read in each
 * cache.
 */
export const LONGEST_QUANTITY = 64;

/**
 * A Kubernetes quantity in its base unit, cores or bytes; undefined when it is none. Rounded to the API server's finest
 * step, 1 nano.
 */
export function quantityValue(quantity: unknown): number | undefined {
  if (typeof quantity === 'number') return quantity;
  if (typeof quantity !== 'string' || quantity.length > LONGEST_QUANTITY) return undefined;
  const [, digits, exponent, suffix = ''] =
    /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+))?([A-Za-z]*)$/.exec(quantity) ?? [];
  const factor = SUFFIXES[suffix];
  if (digits === undefined || factor === undefined) return undefined;
  return Number((Number(digits) * 10 ** Number(exponent ?? 0) * factor).toPrecision(12));
}
