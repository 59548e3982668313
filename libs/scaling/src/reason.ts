import type { Driver, PoolSize } from './size.ts';
import type { Hold, PoolObservation, PoolSpecView } from './types.ts';

const HOLDS: Record<Hold, string> = {
  SensorFailed: 'a queue could not be read, and a pool never shrinks on missing data',
  StaleData: 'the newest sample is too old, and a pool never shrinks on missing data',
  QueueMissing: 'a Queue of spec.queues does not exist, and a pool never shrinks on missing data',
  NoHistory: 'the autoscaler has not watched the pool for a whole scale-down window yet',
  LowConfidence: 'too little was measured to shrink on',
  WaitOverTarget: 'jobs wait longer than the target',
  Panic: 'load has more than doubled just now',
  StabilizationWindow: 'demand was higher within the scale-down window',
  StepLimit: 'spec.autoscaling.behavior limits the step',
  Disabled: 'spec.autoscaling.behavior disables this direction',
  JobsFailing: 'most finished jobs failed, and more pods would not help',
  QuotaExhausted: 'the namespace admits no more pods (quota, limit range or policy)',
  Unschedulable: 'pods of the pool cannot be scheduled',
  PodsFailing: 'pods of the pool crash or cannot start, and more of them would not help',
};

export interface Explained {
  readonly pool: PoolSpecView;
  readonly observation: PoolObservation;
  readonly size: PoolSize;
  /** What the demand asks for, unbounded. */
  readonly wanted: number;
  readonly desired: number;
  readonly heldBy: Hold | undefined;
}

/** The decision as one sentence: what is there, what that asks for, and what bounds or holds it. At most ~600 characters. */
export function explain(explained: Explained): string {
  const { desired, heldBy, wanted, observation } = explained;
  const parts = [
    `${replicas(desired)}: ${demandClause(explained)}`,
    ...capClauses(explained),
    ...boundClauses(explained),
  ];
  if (heldBy !== undefined && wanted !== desired)
    parts.push(`${holdVerb(desired, observation.currentReplicas, wanted)}, because ${HOLDS[heldBy]}`);
  return `${parts.join('; ')}.`;
}

function holdVerb(desired: number, current: number, wanted: number): string {
  return desired === current ? `held at ${desired} instead of ${wanted}` : `${desired} for now instead of ${wanted}`;
}

function demandClause({ pool, observation, size, wanted }: Explained): string {
  const ready = total(size, ({ demand }) => demand.backlog);
  const active = total(size, ({ demand }) => demand.inService);
  const serviceTime = duration(meanServiceTime(size));
  const pods = `${count(Math.max(1, wanted))} ${wanted > 1 ? 'pods' : 'pod'} of ${pool.concurrency}`;
  const target = duration(pool.waitTargetMs ?? 0);
  const steadyAim = pool.waitTargetMs === undefined ? 'keep up with them' : `start 95 % of them within ${target}`;
  const clauses: Record<Driver, () => string> = {
    idle: () => idleClause(size, observation),
    depth: () => `${jobs(ready)} waiting or due soon, ${count(pool.queueDepthTarget ?? 1)} a replica`,
    inService: () => `${jobs(active)} running, ${pool.concurrency} a pod`,
    steady: () => `${decimal(arrivalRate(size))} jobs arrive a second; at ${serviceTime} a job ${pods} ${steadyAim}`,
    drain: () => `${jobs(ready)} waiting or due soon; at ${serviceTime} a job ${pods} start them within ${target}`,
  };
  return clauses[size.driver]();
}

function idleClause(size: PoolSize, observation: PoolObservation): string {
  if (size.queues.length < observation.queues.length) return 'not all queues could be looked at';
  const ready = size.queues.reduce((sum, { load }) => sum + load.ready, 0);
  return ready > 0 ? `${jobs(ready)} waiting cannot be started` : 'nothing waits, runs or is due soon';
}

function arrivalRate(size: PoolSize): number {
  return total(size, ({ load }) => (load.estimates.arrivalRate ?? 0) * load.share);
}

function capClauses({ size }: Explained): string[] {
  const text = {
    Paused: 'is paused',
    RateLimit: 'is rate limited',
    GlobalConcurrency: 'has a global concurrency limit',
  };
  const capped = size.queues.flatMap(({ load, demand }) =>
    demand.cap ? [`queue ${load.queue} ${text[demand.cap.by]}`] : [],
  );
  return capped.length <= 3 ? capped : [...capped.slice(0, 3), `so are ${capped.length - 3} more queues`];
}

function boundClauses({ pool, wanted }: Explained): string[] {
  if (wanted > pool.maxReplicas) return [`maxReplicas allows ${pool.maxReplicas} of ${count(wanted)}`];
  return wanted < pool.minReplicas ? [`minReplicas is ${pool.minReplicas}`] : [];
}

/** Mean service time over the backlog, or over the queues when nothing waits. */
function meanServiceTime({ queues }: PoolSize): number {
  const weights = queues.map(({ demand }) => demand.backlog + demand.inService + 1e-6);
  const weighted = queues.reduce((sum, { demand }, index) => sum + demand.serviceTimeMs * weights[index]!, 0);
  return (
    weighted /
    Math.max(
      1e-9,
      weights.reduce((sum, weight) => sum + weight, 0),
    )
  );
}

function total(size: PoolSize, value: (queue: PoolSize['queues'][number]) => number): number {
  return size.queues.reduce((sum, queue) => sum + value(queue), 0);
}

function replicas(n: number): string {
  return n === 1 ? '1 replica' : `${count(n)} replicas`;
}

function jobs(n: number): string {
  return Math.round(n) === 1 ? '1 job' : `${count(Math.ceil(n))} jobs`;
}

function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

function decimal(n: number): string {
  return n >= 10 ? count(n) : n.toPrecision(2).replace(/\.?0+$/, '');
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 120_000 ? `${Number((ms / 1_000).toPrecision(3))} s` : `${Number((ms / 60_000).toPrecision(3))} min`;
}
