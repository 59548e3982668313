import type { Workload } from '@redis-queue/simulator';

/** Jobs per second that become ready, for each `binMs` of the workload; a delayed job when it is due. */
export function arrivalRates({ addedMs, delayMs, durationMs }: Workload, binMs: number): number[] {
  const rates = new Float64Array(Math.ceil(durationMs / binMs));
  addedMs.forEach((atMs, job) => {
    const bin = Math.floor((atMs + (delayMs?.[job] ?? 0)) / binMs);
    if (bin < rates.length) rates[bin]! += 1_000 / binMs;
  });
  return [...rates];
}
