import type { Explained } from './explained.ts';
import { expectedJobs } from './forecast/expected.ts';
import { becauseOf, failureShare, unseenQueues } from './hold-reason.ts';
import { isMissingData, mostlyFailing } from './holds.ts';
import type { PoolObservation } from './model/types.ts';
import type { Driver, PoolSize } from './size.ts';
import { clip, count, counted, decimal, duration, few, jobs, replicas } from './wording/words.ts';

const LONGEST = 600;

/**
 * The decision as one sentence: the size; why it differs from the demand, if it does; then what is in the queues and
 * the size that this needs. At most 600 characters. What holds the size comes first, because that is what a reader
 * wants to know first.
 */
export function explain(explained: Explained): string {
  const clauses = [
    ...blindClauses(explained),
    demandClause(explained),
    ...leadingClauses(explained),
    ...troubleClauses(explained),
    ...capClauses(explained.size),
    ...boundClauses(explained),
  ];
  return clip(`${sizeClause(explained)}: ${clauses.join('; ')}`, LONGEST - 1).concat('.');
}

function sizeClause(explained: Explained): string {
  const { desired, wanted, heldBy } = explained;
  if (heldBy === undefined || wanted === desired) return replicas(desired);
  const because = becauseOf(heldBy, explained);
  if (isMissingData(heldBy)) return `${replicas(desired)} as before, because ${because}`;
  if (wanted > desired) return `${replicas(desired)} instead of ${count(wanted)}, because ${because}`;
  return `${replicas(desired)} although ${count(wanted)} would do, because ${because}${shrinksAt(explained)}`;
}

function shrinksAt({ shrinksAtMs, nowMs }: Explained): string {
  return shrinksAtMs > nowMs ? ` (smaller in ${duration(wholeSeconds(shrinksAtMs - nowMs))} at the earliest)` : '';
}

function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000)) * 1_000;
}

function demandClause(explained: Explained): string {
  const { pool, observation, size, wanted } = explained;
  const atTime = `at ${duration(size.serviceTimeMs)} per job`;
  const pods = `${wanted > 1 ? `${count(wanted)} pods` : '1 pod'} with ${slots(pool.concurrency)}${wanted > 1 ? ' each' : ''}`;
  const target = duration(pool.waitTargetMs ?? 0);
  const keepsUp = wanted > 1 ? 'keep up' : 'keeps up';
  const starts = wanted > 1 ? 'start' : 'starts';
  const aim = pool.waitTargetMs === undefined ? keepsUp : `${starts} 95 % of them within ${target}`;
  const clauses: Record<Driver, () => string> = {
    idle: () => idleClause(size, observation),
    depth: () => `${presentClause(size)}, and queueDepth is ${count(pool.queueDepthTarget ?? 1)} per replica`,
    inService: () => `${presentClause(size)}, and a pod has ${slots(pool.concurrency)}`,
    steady: () => `${arrivals(totalArrivalRate(size))}; ${atTime}, ${pods} ${aim}`,
    expected: () => `${expectedClause(size)}; ${atTime}, ${pods} ${starts} them within ${target}`,
    drain: () => `${presentClause(size)}; ${atTime}, ${pods} ${starts} them within ${target}`,
  };
  return clauses[size.driver]();
}

/**
 * What the forecast of the queue says that asks for most because of it: "about 600 jobs are expected in 8 s, as every 8
 * min before".
 */
function expectedClause({ queues }: PoolSize): string {
  const { load, demand } = queues.reduce((most, queue) =>
    queue.demand.expected > most.demand.expected ? queue : most,
  );
  const { expectedBurst, forecast, arrivalRate } = load.estimates;
  const toCome = expectedJobs(load);
  if (expectedBurst !== undefined && toCome > demand.backlog) {
    const { inMs, periodMs } = expectedBurst;
    const when = inMs < 1_000 ? 'now' : `in ${duration(wholeSeconds(inMs))}`;
    return `about ${jobs(toCome, ['is', 'are'])} expected ${when}, as every ${duration(periodMs)} before`;
  }
  const now = decimal((arrivalRate ?? 0) * load.share);
  return `${now} jobs arrive per second and ${decimal((forecast?.ratePerSecond ?? 0) * load.share)} are expected soon`;
}

/** What is in the pool's share of its queues: "3,000 jobs wait, 20 are due soon and 60 run". */
function presentClause(size: PoolSize): string {
  const waiting = total(size, ({ load }) => load.ready * load.share);
  const due = total(size, ({ load }) => load.dueSoon * load.share);
  const running = total(size, ({ demand }) => demand.inService);
  const parts: [number, readonly [string, string]][] = [
    [waiting, ['waits', 'wait']],
    [orphanedJobs(size), LOST],
    [due, ['is due soon', 'are due soon']],
    [running, ['runs', 'run']],
  ];
  const present = parts.filter(([n]) => n > 0);
  const [first = parts[0]!, ...others] = present;
  return few([jobs(...first), ...others.map(([n, verb]) => counted(n, verb))]);
}

/** Queues that could not be sampled, unless the hold has named them. */
function blindClauses({ observation, heldBy }: Explained): string[] {
  const whys = (['SensorFailed', 'QueueMissing'] as const).filter((why) => why !== heldBy);
  return whys.map((why) => unseenQueues(observation, why)).filter((clause) => clause !== '');
}

const LOST = ['has lost its worker', 'have lost their worker'] as const;

/** Active jobs that only a running worker can bring back. */
function orphanedJobs(size: PoolSize): number {
  return total(size, ({ load }) => (load.orphaned ?? 0) * load.share);
}

/** What is wrong with the jobs, whether or not it keeps the pool from growing. */
function troubleClauses({ observation, size, heldBy }: Explained): string[] {
  const unmentioned = size.driver === 'steady' || size.driver === 'expected' ? orphanedJobs(size) : 0;
  return [
    ...(unmentioned > 0 ? [jobs(unmentioned, LOST)] : []),
    ...(heldBy !== 'JobsFailing' && mostlyFailing(observation.queues) ? [failureShare(observation)] : []),
  ];
}

function idleClause(size: PoolSize, observation: PoolObservation): string {
  const ready = total(size, ({ load }) => load.ready);
  if (ready > 0) return `${jobs(ready, ['waits', 'wait'])} and cannot be started`;
  if (size.queues.length === 0) return 'nothing is known about what waits';
  const others = size.queues.length < observation.queues.length;
  return `nothing waits, runs or is due soon${others ? ' in what could be read' : ''}`;
}

/** The one of several queues that asks for most of the pool. */
function leadingClauses({ size, wanted }: Explained): string[] {
  const asking = size.queues.filter(({ replicas: asked }) => asked > 0).toSorted((a, b) => b.replicas - a.replicas);
  const [first, ...others] = asking;
  const rest = others.reduce((sum, queue) => sum + queue.replicas, 0);
  return wanted > 1 && first && rest > 0 && first.replicas > rest
    ? [`mostly for queue ${clip(first.load.queue, 63)}`]
    : [];
}

function slots(concurrency: number): string {
  return concurrency === 1 ? '1 slot' : `${count(concurrency)} slots`;
}

function arrivals(perSecond: number): string {
  const rate = decimal(perSecond);
  return rate === '1' ? '1 job arrives per second' : `${rate} jobs arrive per second`;
}

function totalArrivalRate(size: PoolSize): number {
  return total(size, ({ load }) => (load.estimates.arrivalRate ?? 0) * load.share);
}

const CAPS = {
  Paused: ['is paused', 'are paused'],
  RateLimit: ['is rate limited', 'are rate limited'],
  GlobalConcurrency: ['has a global concurrency limit', 'have a global concurrency limit'],
  SlotsFree: ['has jobs that wait beside free slots', 'have jobs that wait beside free slots'],
} as const;

function capClauses({ queues }: PoolSize): string[] {
  const capped = Map.groupBy(queues, ({ demand }) => demand.cap?.by);
  return Object.entries(CAPS).flatMap(([by, [one, many]]) => {
    const names = (capped.get(by as keyof typeof CAPS) ?? []).map(({ load }) => clip(load.queue, 63));
    if (names.length === 0) return [];
    return [names.length === 1 ? `queue ${names[0]} ${one}` : `queues ${few(names)} ${many}`];
  });
}

function boundClauses({ pool, size, wanted, desired, heldBy }: Explained): string[] {
  if (wanted > pool.maxReplicas) return [`maxReplicas allows ${pool.maxReplicas} of ${count(wanted)}`];
  if (wanted < pool.minReplicas) return [`minReplicas is ${pool.minReplicas}`];
  if (heldBy !== undefined || wanted === desired) return [];
  if (size.demand > desired * (1 + pool.scaleUp.tolerance)) return ['the pods of the last growth are awaited first'];
  return [`${count(desired)} instead of ${count(wanted)} is within the tolerance`];
}

function total(size: PoolSize, value: (queue: PoolSize['queues'][number]) => number): number {
  return size.queues.reduce((sum, queue) => sum + value(queue), 0);
}
