import type { AdvisedSpec } from './advised-spec.ts';
import { reliableSlope } from './line.ts';
import { quantile } from './quantiles.ts';
import { quantityValue } from '@redis-queue/api';
import { cpuQuantity, memoryQuantity } from './quantity.ts';
import type { UsageHistory } from './usage-history.ts';

export interface AdvisedResources {
  readonly requests?: Readonly<Record<string, string>>;
  /** Memory only: a CPU limit takes time from jobs while the node has some left. */
  readonly limits?: Readonly<Record<string, string>>;
}

export interface ResourceAdvice {
  readonly resources?: AdvisedResources;
  /** What was measured; empty when nothing was. */
  readonly why: readonly string[];
}

/**
 * What Kubernetes' vertical pod autoscaler adds to what it measured (recommender, --recommendation-margin-fraction).
 */
const MARGIN = 1.15;
/** Its --target-cpu-percentile, and its upper bound for memory, which kills where CPU only slows down. */
const CPU_SHARE = 0.9;
const MEMORY_SHARE = 0.95;
/** Margin on the highest peak: beyond the limit the pod is killed, and its jobs stall. */
const LIMIT_MARGIN = 1.3;
/** A smaller difference from what the spec says is not worth new pods. */
const WORTH = 0.2;
/** A peak this close to the limit is worth new pods. */
const NEAR_LIMIT = 0.9;
/** Share of the slots by which the busy slots must have varied before memory can be attributed to them. */
const LEAST_SPREAD = 0.1;

/**
 * What a pod with `slots` slots, all of them busy, should request. Only what differs from the spec by more than a
 * fifth.
 *
 * @param cpuKnown whether pods were busy for long enough to say what a full one needs of the CPU.
 */
export function adviseResources(
  usage: UsageHistory,
  spec: AdvisedSpec,
  slots: number,
  cpuKnown: boolean,
): ResourceAdvice {
  const cpu = cpuKnown ? quantile(usage.cpuWhenFull, CPU_SHARE) : undefined;
  const peak = quantile(usage.memory, MEMORY_SHARE);
  const highest = quantile(usage.memory, 1);
  if (peak === undefined || highest === undefined) return { why: [] };
  const more = moreMemory(usage, spec, slots, highest);
  const cpuRequest = cpu === undefined ? undefined : cpuQuantity((cpu * MARGIN * slots) / spec.concurrency);
  const memoryRequest = memoryQuantity((peak + more) * MARGIN);
  const memoryLimit = memoryQuantity((highest + more) * LIMIT_MARGIN);

  const limitTight = spec.memoryLimit !== undefined && highest + more > NEAR_LIMIT * spec.memoryLimit;
  const adviseRequest = differs(memoryRequest, spec.memoryRequest);
  const overLimit = adviseRequest && quantityValue(memoryRequest)! > (spec.memoryLimit ?? Infinity);
  const requests = {
    // A request above the limit would be refused, and no CPU limit is advised.
    ...(cpuRequest !== undefined &&
      differs(cpuRequest, spec.cpuRequest) &&
      quantityValue(cpuRequest)! <= (spec.cpuLimit ?? Infinity) && { cpu: cpuRequest }),
    ...(adviseRequest && { memory: memoryRequest }),
  };
  // A limit below the request that stays would be refused too.
  const below = !adviseRequest && quantityValue(memoryLimit)! < (spec.memoryRequest ?? 0);
  const adviseLimit = (differs(memoryLimit, spec.memoryLimit) && !below) || limitTight || overLimit;
  const resources = {
    ...(Object.keys(requests).length > 0 && { requests }),
    ...(adviseLimit && { limits: { memory: memoryLimit } }),
  };
  const why = [
    ...(cpu === undefined ? [] : [`all ${spec.concurrency} slots take ${cores(cpu)} of CPU`]),
    `memory peaks at ${memoryQuantity(peak)} (95 % of reports), ${memoryQuantity(highest)} at most${
      limitTight ? `, close to the limit of ${memoryQuantity(spec.memoryLimit)}` : ''
    }`,
  ];
  return { ...(Object.keys(resources).length > 0 && { resources }), why };
}

/**
 * Bytes that `slots` slots need beyond those measured: by what a busy slot takes where that is clear, otherwise in
 * proportion.
 */
function moreMemory(usage: UsageHistory, { concurrency }: AdvisedSpec, slots: number, highest: number): number {
  if (slots <= concurrency) return 0; // A smaller need is measured, not extrapolated.
  const slope = reliableSlope(usage.memoryLine, LEAST_SPREAD * concurrency);
  return slope === undefined ? highest * (slots / concurrency - 1) : slope * (slots - concurrency);
}

function differs(advised: string, now: number | undefined): boolean {
  if (now === undefined || now <= 0) return true;
  const ratio = quantityValue(advised)! / now;
  return ratio > 1 + WORTH || ratio < 1 / (1 + WORTH);
}

function cores(amount: number): string {
  return `${amount.toFixed(2)} cores`;
}
