import { mean } from '../statistics/decaying.ts';
import { percent } from '../wording/words.ts';
import type { AdvisedSpec } from './advised-spec.ts';
import { quantile } from './quantiles.ts';
import { HALF_BUSY, NEARLY_FULL, slowdownWhenFull, THROTTLED, type UsageHistory } from './usage-history.ts';

/** The advice on slots per pod: another number, or why it stays. */
export interface ConcurrencyAdvice {
  readonly slots?: number;
  readonly why: string;
}

/** Share of the event loop that full slots should take: beyond it jobs begin to wait for each other. */
const LOOP_TARGET = 0.6;
/** From here on jobs do wait for each other. */
const LOOP_CROWDED = 0.8;
/** What a crowded loop is brought back to; more than the target, since each step is measured before the next. */
const LOOP_RELIEVED = 0.7;
/** Share of a CPU limit that full slots may take. */
const CPU_SHARE = 0.8;
/** A smaller difference is not worth the change. */
const LEAST_GAIN = 1.5;
const LEAST_CUT = 0.85;
/**
 * Largest factor by which one step raises or lowers the slots: what another number does is measured, not extrapolated.
 */
const STEP = 2;
const MOST_SLOTS = 1_000;
const SLOWDOWN = 1.5;

/**
 * How many slots a pod should have. By the utilisation law (P. J. Denning and J. P. Buzen, The operational analysis of
 * queueing network models, ACM Computing Surveys 10(3), 1978) what one busy slot takes of the event loop and of the CPU
 * is U ÷ busy slots, whatever the load; so the number of slots that fits is the one at which the first of the two
 * reaches its target. Their asymptotic bound shows why more gain nothing: beyond (D + Z) ÷ D jobs at once, jobs only
 * wait for the bottleneck D.
 */
export function adviseConcurrency(usage: UsageHistory, spec: AdvisedSpec): ConcurrencyAdvice {
  const { concurrency } = spec;
  const typicalLoop = quantile(usage.loop, 0.5) ?? 0;
  const crowded = typicalLoop > LOOP_CROWDED;
  if (crowded) return fewer(usage, spec, typicalLoop);

  const highLoopPerSlot = quantile(usage.loopPerSlot, 0.9) ?? 0;
  const loopWhenFull = Math.min(1, highLoopPerSlot * concurrency);
  const measured = `the event loop is ${percent(loopWhenFull)} busy with all ${concurrency} slots in use`;
  const busyShare = mean(usage.busyShare);
  const alone = mean(usage.podsAtOnce) < 1.5;
  if (busyShare < (alone ? NEARLY_FULL : HALF_BUSY)) return { why: `${measured}, and slots are free` };
  const throttled = mean(usage.throttled);
  if (throttled > THROTTLED) {
    return {
      why: `${measured}, but the CPU limit stops pods in ${percent(throttled)} of the time: raise or remove it`,
    };
  }
  const slowdown = slowdownWhenFull(usage) ?? 1;
  if (slowdown >= SLOWDOWN) {
    return {
      why: `${measured}, but jobs take ${slowdown.toFixed(1)} times as long in full pods: what they wait for is the bottleneck, and more at once would not help`,
    };
  }
  const fits = slotsThatFit(usage, spec, highLoopPerSlot);
  if (fits < LEAST_GAIN * concurrency) return { why: measured };
  const slots = roundDown(Math.min(fits, STEP * concurrency, MOST_SLOTS));
  if (slots <= concurrency) return { why: measured };
  return { slots, why: `${measured}: ${slots} slots per pod would fit, and fewer pods do the same work` };
}

function fewer(usage: UsageHistory, { concurrency, queues }: AdvisedSpec, typicalLoop: number): ConcurrencyAdvice {
  const fits = LOOP_RELIEVED / quantile(usage.loopPerSlot, 0.5)!;
  const slots = Math.max(1, queues, Math.ceil(concurrency / STEP), Math.round(fits));
  const slowdown = slowdownWhenFull(usage);
  const slower = slowdown !== undefined && slowdown > 1.1 ? `, and take ${slowdown.toFixed(1)} times as long` : '';
  const measured = `the event loop is ${percent(typicalLoop)} busy, so that jobs wait for each other in the pod${slower}`;
  if (slots > LEAST_CUT * concurrency) {
    const way = concurrency === 1 ? '; compute in a worker thread' : '';
    return { why: `${measured}${way}` };
  }
  return { slots, why: `${measured}: ${slots} slots per pod are what it can serve` };
}

/**
 * Bounded by event loop and CPU. Without a CPU limit, by one core or the CPU request: what jobs compute beside the loop
 * needs room.
 */
function slotsThatFit(usage: UsageHistory, { cpuLimit, cpuRequest }: AdvisedSpec, loopPerSlot: number): number {
  const cpuPerSlot = quantile(usage.cpuPerSlot, 0.9) ?? 0;
  const cpu = cpuLimit ?? Math.max(1, cpuRequest ?? 0);
  return Math.min(LOOP_TARGET / Math.max(loopPerSlot, 1e-6), (CPU_SHARE * cpu) / Math.max(cpuPerSlot, 1e-6));
}

/** Rounds down to a number that a person would write. */
function roundDown(slots: number): number {
  const step = slots >= 100 ? 10 : slots >= 20 ? 5 : 1;
  return Math.floor(slots / step) * step;
}
