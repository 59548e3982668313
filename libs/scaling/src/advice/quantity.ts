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
