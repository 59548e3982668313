import type { AdvisedSpec } from './advised-spec.ts';
import { learnUsage, noUsage, type UsageHistory, type UsageReport } from './usage-history.ts';

export const MI = 2 ** 20;

/** A pod of 10 slots, 9 of them busy with jobs that wait for others: the loop is a tenth busy. */
export function aReport(over: Partial<UsageReport> = {}): UsageReport {
  return {
    pod: 'p-0',
    redisTimeMs: 0,
    version: '1.0.0',
    periodMs: 30_000,
    slots: 10,
    busy: 9,
    cpu: 0.09,
    memory: 200 * MI,
    eventLoop: 0.1,
    jobs: 100,
    runMs: 2_700,
    ...over,
  };
}

/** A spec that fits `aReport` except for the concurrency. */
export function aSpec(over: Partial<AdvisedSpec> = {}): AdvisedSpec {
  return {
    version: '1.0.0',
    concurrency: 10,
    queues: 1,
    cpuRequest: 0.12,
    memoryRequest: 240 * MI,
    memoryLimit: 280 * MI,
    ...over,
  };
}

/** The history after `minutes` in which `pods` pods reported twice a minute; `at` gives the nth report of a pod. */
export function usageAfter(
  minutes: number,
  pods: number,
  at: (n: number, pod: number) => Partial<UsageReport> = () => ({}),
): UsageHistory {
  const measured = { version: '1.0.0', concurrency: at(0, 0).slots ?? 10 };
  let usage = noUsage(measured);
  for (let n = 1; n <= minutes * 2; n++) {
    const reports = Array.from({ length: pods }, (_, pod) =>
      aReport({ pod: `p-${pod}`, redisTimeMs: 1_790_000_000_000 + n * 30_000, ...at(n, pod) }),
    );
    usage = learnUsage(usage, reports, measured);
  }
  return usage;
}
