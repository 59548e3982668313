import type { Instant } from './model/types.ts';
import { addEvents, startRate, type DecayingRate } from './statistics/decaying.ts';

/** Fewer adds say nothing. */
const LEAST_ADDS = 20;
/** Standard deviations by which the jobs must stay behind the adds before an add counts for less than a job. */
const DOUBTS = 3;
/** Within the time that is remembered slots have been given so often that who runs is who came. */
const TURNOVERS = 10;

/** The jobs of a queue at a sample. */
export interface JobCounts {
  /** Jobs that became ready since the sample before, by the counter of adds. */
  readonly added: number;
  readonly ready: number;
  readonly active: number;
}

/** What became of the adds of the last minutes, all of it over the same forgetting time. */
export interface Brought {
  readonly atMs: Instant;
  readonly ready: number;
  readonly active: number;
  /** Time between the last two samples. */
  readonly lookMs: number;
  readonly adds: DecayingRate;
  /** Jobs by which the line and what runs have grown. */
  readonly growth: DecayingRate;
  /** Job·milliseconds in service. */
  readonly inService: DecayingRate;
}

/** Follows the adds of a queue and the jobs that came of them. */
export function observeBrought(
  before: Brought | undefined,
  { added, ready, active }: JobCounts,
  { nowMs, halfLifeMs, serviceTimeMs }: { nowMs: Instant; halfLifeMs: number; serviceTimeMs: number },
): Brought {
  if (before === undefined) {
    const nothing = startRate(nowMs);
    return { atMs: nowMs, ready, active, lookMs: 0, adds: nothing, growth: nothing, inService: nothing };
  }
  const lookMs = Math.max(0, nowMs - before.atMs);
  const jobMs = ((before.active + active) / 2) * lookMs;
  // A line from which somebody removes jobs has not been worked off: no more have left it than slots could take.
  const mostLeft = before.active + (2 * jobMs) / serviceTimeMs;
  const growth = Math.max(-mostLeft, ready - before.ready + active - before.active);
  const follow = (rate: DecayingRate, events: number): DecayingRate => addEvents(rate, events, nowMs, halfLifeMs);
  return {
    atMs: nowMs,
    ready,
    active,
    lookMs,
    adds: follow(before.adds, added),
    growth: follow(before.growth, growth),
    inService: follow(before.inService, jobMs),
  };
}

/**
 * The jobs that an add brought: 1, less where adds were refused, more where jobs were tried again. BullMQ counts an add
 * that deduplication refuses like any other, and a retry not at all. Jobs in service over a time, divided by how long one
 * takes, are those that finished in it (Little's law), whether they stay in Redis or not; with what the line and the jobs
 * that run have grown by, they are what came. 1 for as long as chance explains the difference; the less chance explains,
 * the less is added for it.
 *
 * @param serviceTimeMs measured on finished jobs; undefined while it is not, for one that was derived from the adds would
 * prove nothing. Then what came is known only while jobs wait and none has run yet.
 */
export function jobsPerAdd(brought: Brought, serviceTimeMs: number | undefined): number {
  const { adds, growth, inService, lookMs } = brought;
  if (adds.events < LEAST_ADDS) return 1;
  if (inService.events === 0 && brought.ready > 0) return Math.min(1, Math.max(0, growth.events) / adds.events);
  if (serviceTimeMs === undefined) return 1;
  const finished = inService.events / serviceTimeMs;
  const jobs = Math.max(0, finished + growth.events);
  // If each add brought a job; of jobs that are shorter than the time between two samples, each sample sees a few.
  const doubt = DOUBTS * Math.sqrt(adds.events * Math.max(1, lookMs / serviceTimeMs));
  const most = (jobs + doubt) / adds.events;
  // Of jobs that are long against what is remembered, those that run may have come before it.
  if (most >= 1) return hasTurnedOver(brought, serviceTimeMs) ? Math.max(1, (jobs - doubt) / adds.events) : 1;
  return (jobs + doubt * Math.max(0, 2 * most - 1)) / adds.events;
}

function hasTurnedOver({ adds }: Brought, serviceTimeMs: number): boolean {
  return adds.observedMs > TURNOVERS * serviceTimeMs;
}
