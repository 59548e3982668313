import type { Instant } from '../model/types.ts';
import { addValues, mean, NO_MOMENTS, type DecayingMoments } from '../statistics/decaying.ts';
import { addPoint, NO_LINE, type DecayingLine } from './line.ts';
import { addValue, NO_QUANTILES, type DecayingQuantiles } from './quantiles.ts';

/** What one pod used over some time in which it ran jobs. Means over that time unless said otherwise. */
export interface UsageReport {
  readonly pod: string;
  /** When it was reported; one clock for all pods of a pool. */
  readonly redisTimeMs: number;
  readonly version: string;
  readonly periodMs: number;
  /** Jobs it may run at once. */
  readonly slots: number;
  /** Jobs it ran at once. */
  readonly busy: number;
  /** CPU cores in use. */
  readonly cpu: number;
  /** The most memory in use, bytes. */
  readonly memory: number;
  /** Share of the time in which the event loop had something to do, 0..1. */
  readonly eventLoop: number;
  /** Share of scheduling periods in which a CPU limit stopped the container, 0..1. */
  readonly throttled?: number;
  readonly jobs: number;
  readonly runMs?: number;
  /** How long all but one in a hundred moments waited for the event loop at most. */
  readonly lagP99Ms?: number;
}

/** What the pods of one version and number of slots used so far; what is older fades. */
export interface UsageHistory {
  readonly version: string;
  readonly concurrency: number;
  /** When the first report's time began, by Redis' clock. */
  readonly sinceMs: Instant;
  readonly untilMs: Instant;
  /** When each pod reported last, of those that did within the last minutes. */
  readonly lastReportMs: ReadonlyMap<string, Instant>;
  /** Pods that ever reported. */
  readonly pods: number;
  /** Time measured, over all pods, ms; and that of it in which at least half of the slots were busy. */
  readonly measuredMs: number;
  readonly busyMeasuredMs: number;
  /** Busy slots ÷ slots. */
  readonly busyShare: DecayingMoments;
  /** Pods that reported in the same minutes. */
  readonly podsAtOnce: DecayingMoments;
  readonly memory: DecayingQuantiles;
  readonly lag: DecayingQuantiles;
  /** Memory by busy slots. */
  readonly memoryLine: DecayingLine;
  /**
   * The rest comes from reports with at least half of the slots busy: what an idle pod needs says little about a full
   * one.
   */
  readonly cpuWhenFull: DecayingQuantiles;
  readonly cpuPerSlot: DecayingQuantiles;
  readonly loop: DecayingQuantiles;
  readonly loopPerSlot: DecayingQuantiles;
  readonly throttled: DecayingMoments;
  /** Mean run times, of pods that were nearly full and of those with at most half of the slots busy. */
  readonly runMsFull: DecayingMoments;
  readonly runMsHalf: DecayingMoments;
}

/** The half-life of Kubernetes' vertical pod autoscaler, for CPU and memory. */
export const USAGE_HALF_LIFE_MS = 24 * 3_600_000;
/** A shorter period is of a pod that starts or ends. */
const LEAST_PERIOD_MS = 1_000;
/** Longer than a pod with jobs is ever silent; after that it counts as another pod. */
const PODS_OF_MS = 120_000;
/** Most pods whose last reports are remembered; the ones that reported last. Of one read there are fifty. */
const MOST_PODS = 500;
export const HALF_BUSY = 0.5;
export const NEARLY_FULL = 0.8;
/** Share of its time in which a CPU limit may stop a pod without being what slows it down. */
export const THROTTLED = 0.05;
/** The CPU share of a nearly idle loop would scale to any number. */
const LEAST_LOOP = 0.01;

/** Which pods are measured: others are another program, or carry another load. */
export type MeasuredPods = Pick<UsageHistory, 'version' | 'concurrency'>;

export function noUsage({ version, concurrency }: MeasuredPods): UsageHistory {
  return {
    version,
    concurrency,
    sinceMs: 0,
    untilMs: 0,
    lastReportMs: new Map(),
    pods: 0,
    measuredMs: 0,
    busyMeasuredMs: 0,
    busyShare: NO_MOMENTS,
    podsAtOnce: NO_MOMENTS,
    memory: NO_QUANTILES,
    lag: NO_QUANTILES,
    memoryLine: NO_LINE,
    cpuWhenFull: NO_QUANTILES,
    cpuPerSlot: NO_QUANTILES,
    loop: NO_QUANTILES,
    loopPerSlot: NO_QUANTILES,
    throttled: NO_MOMENTS,
    runMsFull: NO_MOMENTS,
    runMsHalf: NO_MOMENTS,
  };
}

/**
 * Adds reports to the history of the pool's pods: each once, and only those of pods as the spec has them now. With
 * another version or number of slots the history starts over.
 */
export function learnUsage(before: UsageHistory, reports: readonly UsageReport[], spec: MeasuredPods): UsageHistory {
  const known = isOf(before, spec) ? before : noUsage(spec);
  const fresh = reports.filter(
    (report) =>
      report.version === spec.version &&
      report.slots === spec.concurrency &&
      report.periodMs >= LEAST_PERIOD_MS &&
      report.busy > 0 &&
      report.redisTimeMs > (known.lastReportMs.get(report.pod) ?? -Infinity),
  );
  if (fresh.length === 0) return known;
  const inOrder = fresh.toSorted((a, b) => a.redisTimeMs - b.redisTimeMs);
  const learnt = inOrder.reduce(learnReport, known);
  const reported = new Map([
    ...known.lastReportMs,
    ...inOrder.map(({ pod, redisTimeMs }) => [pod, redisTimeMs] as const),
  ]);
  const recent = [...reported].filter(([, atMs]) => learnt.untilMs - atMs <= PODS_OF_MS);
  const lastReportMs = new Map(recent.slice(-MOST_PODS));
  return {
    ...learnt,
    lastReportMs,
    pods: known.pods + reported.size - known.lastReportMs.size,
    podsAtOnce: addValues(learnt.podsAtOnce, [lastReportMs.size], learnt.untilMs, USAGE_HALF_LIFE_MS),
  };
}

/** Whether the history is of such pods. */
export function isOf(usage: UsageHistory, { version, concurrency }: MeasuredPods): boolean {
  return usage.version === version && usage.concurrency === concurrency;
}

function learnReport(known: UsageHistory, report: UsageReport): UsageHistory {
  const { redisTimeMs: atMs, periodMs, slots, memory, lagP99Ms } = report;
  const busy = Math.min(report.busy, slots);
  const minutes = periodMs / 60_000;
  const every = {
    ...known,
    sinceMs: known.measuredMs === 0 ? atMs - periodMs : known.sinceMs,
    untilMs: Math.max(known.untilMs, atMs),
    measuredMs: known.measuredMs + periodMs,
    busyShare: addValues(known.busyShare, [busy / slots], atMs, USAGE_HALF_LIFE_MS, minutes),
    memory: addValue(known.memory, memory, minutes, atMs, USAGE_HALF_LIFE_MS),
    memoryLine: addPoint(known.memoryLine, busy, memory, minutes, atMs, USAGE_HALF_LIFE_MS),
    ...(lagP99Ms !== undefined && { lag: addValue(known.lag, lagP99Ms, minutes, atMs, USAGE_HALF_LIFE_MS) }),
    ...learnRunTime(known, report),
  };
  return busy < HALF_BUSY * slots ? every : learnBusy(every, { ...report, busy }, minutes);
}

function learnBusy(known: UsageHistory, report: UsageReport, minutes: number): UsageHistory {
  const { redisTimeMs: atMs, periodMs, slots, busy, cpu, eventLoop, throttled } = report;
  const add = (quantiles: DecayingQuantiles, value: number): DecayingQuantiles =>
    addValue(quantiles, value, minutes, atMs, USAGE_HALF_LIFE_MS);
  // What a pod does grows with its busy slots until the event loop has no time left.
  const toFull = Math.min(slots / busy, Math.max(1, 1 / Math.max(eventLoop, LEAST_LOOP)));
  return {
    ...known,
    busyMeasuredMs: known.busyMeasuredMs + periodMs,
    cpuWhenFull: add(known.cpuWhenFull, cpu * toFull),
    cpuPerSlot: add(known.cpuPerSlot, cpu / busy),
    loop: add(known.loop, eventLoop),
    loopPerSlot: add(known.loopPerSlot, eventLoop / busy),
    throttled: addValues(known.throttled, [throttled ?? 0], atMs, USAGE_HALF_LIFE_MS, minutes),
  };
}

function learnRunTime(
  known: UsageHistory,
  { redisTimeMs: atMs, slots, busy, jobs, runMs }: UsageReport,
): Pick<UsageHistory, 'runMsFull' | 'runMsHalf'> {
  const { runMsFull, runMsHalf } = known;
  if (runMs === undefined || jobs === 0) return { runMsFull, runMsHalf };
  return {
    runMsFull: busy >= NEARLY_FULL * slots ? addValues(runMsFull, [runMs], atMs, USAGE_HALF_LIFE_MS, jobs) : runMsFull,
    runMsHalf: busy <= HALF_BUSY * slots ? addValues(runMsHalf, [runMs], atMs, USAGE_HALF_LIFE_MS, jobs) : runMsHalf,
  };
}

/** Fewer runs say nothing about run times. */
const LEAST_RUNS = 20;
/**
 * How many times as long a job takes in a nearly full pod as in a half busy one; undefined when either is not known.
 */
export function slowdownWhenFull({ runMsFull, runMsHalf }: UsageHistory): number | undefined {
  if (runMsFull.weight < LEAST_RUNS || runMsHalf.weight < LEAST_RUNS) return undefined;
  return mean(runMsFull) / mean(runMsHalf);
}
