/**
 * Whether `live` holds everything that `desired` says; what the API server or others added does not count.
 * Lists of named things are matched by name, others by place. Quantities are compared by value, because the API server
 * writes "1000m" as "1".
 */
export function holds(desired: unknown, live: unknown): boolean {
  if (Array.isArray(desired)) {
    if (!Array.isArray(live)) return false;
    return desired.every((entry, index) => holds(entry, counterpart(entry, live, index)));
  }
  if (typeof desired === 'object' && desired !== null) {
    if (typeof live !== 'object' || live === null) return isEmpty(desired) && live !== undefined;
    return Object.entries(desired).every(([field, value]) => {
      const counter = (live as Record<string, unknown>)[field];
      return QUANTITY_FIELDS.has(field) ? holdsQuantities(value, counter) : holds(value, counter);
    });
  }
  return desired === live;
}

/** The maps of quantities in a container's resources. */
const QUANTITY_FIELDS = new Set(['requests', 'limits']);

function holdsQuantities(desired: unknown, live: unknown): boolean {
  const liveQuantities = (live ?? {}) as Record<string, unknown>;
  return Object.entries((desired ?? {}) as Record<string, unknown>).every(
    ([resource, quantity]) => quantityValue(quantity) === quantityValue(liveQuantities[resource]),
  );
}

function counterpart(entry: unknown, live: unknown[], index: number): unknown {
  const name = (entry as { name?: unknown } | null)?.name;
  if (typeof name !== 'string') return live[index];
  return live.find((candidate) => (candidate as { name?: unknown } | null)?.name === name);
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}

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

/** A Kubernetes quantity in its base unit; undefined when it is none. Rounded to the API server's finest step, 1 nano. */
export function quantityValue(quantity: unknown): number | undefined {
  if (typeof quantity === 'number') return quantity;
  if (typeof quantity !== 'string') return undefined;
  const [, digits, exponent, suffix = ''] =
    /^([+-]?[0-9.]+)(?:[eE]([+-]?[0-9]+))?([numkMGTPE]i?|Ki)?$/.exec(quantity) ?? [];
  const factor = SUFFIXES[suffix];
  if (digits === undefined || factor === undefined) return undefined;
  return Number((Number(digits) * 10 ** Number(exponent ?? 0) * factor).toPrecision(12));
}
