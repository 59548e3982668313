const SUFFIXES: Readonly<Record<string, number>> = {
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

/** A Kubernetes quantity as a number: cores or bytes. Undefined when it is none. */
export function parseQuantity(quantity: string | number | undefined): number | undefined {
  if (quantity === undefined) return undefined;
  const text = String(quantity);
  const [, digits, suffix = ''] = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const unit = SUFFIXES[suffix];
  return digits === undefined || unit === undefined ? undefined : Number(digits) * unit;
}

const MI = 2 ** 20;
/** No pod is advised to ask for less: an idle worker renews locks and answers probes, and Node itself has a size. */
const LEAST_CORES = 0.05;
const LEAST_BYTES = 64 * MI;

/** Cores, rounded up to steps of about 5 %, as Kubernetes writes them. */
export function cpuQuantity(cores: number): string {
  const millis = Math.ceil(Math.max(cores, LEAST_CORES) * 1_000 - 1e-6);
  const step = millis < 250 ? 10 : millis < 1_000 ? 50 : 100;
  const rounded = Math.ceil(millis / step) * step;
  return rounded % 1_000 === 0 ? String(rounded / 1_000) : `${rounded}m`;
}

/** Bytes, rounded up to steps of about 5 %, as Kubernetes writes them. */
export function memoryQuantity(bytes: number): string {
  const mebibytes = Math.max(bytes, LEAST_BYTES) / MI;
  const step = mebibytes < 256 ? 16 : mebibytes < 1_024 ? 32 : mebibytes < 4_096 ? 128 : 256;
  const rounded = Math.ceil(mebibytes / step) * step;
  return rounded % 1_024 === 0 ? `${rounded / 1_024}Gi` : `${rounded}Mi`;
}
