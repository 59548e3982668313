import { busySlots } from './busy-slots.ts';
import { STALE_AFTER_MS } from './holds.ts';
import {
  isSeen,
  type ConsumptionWatch,
  type PoolObservation,
  type PoolSpecView,
  type QueueLoad,
  type QueueSignal,
} from './model/types.ts';

/** For how long nothing has to leave a line beside free slots until its queue counts as one that nobody consumes. */
export const NOT_CONSUMED_AFTER_MS = 60_000;
/** Arrivals are estimates where deduplication refuses some: less than half a job is none. */
const LEAST_LEFT = 0.5;
/** A job that takes so many times as long as the time between two samples is seen to run. */
const SEEN_TO_RUN = 2;

/**
 * Watches for lines that no job leaves although ready pods have free slots: workers that hang, that lost their Redis, or
 * that fetch from another queue. Nothing of it is in Redis but that no job starts, so what else keeps jobs from starting
 * is told apart: pause, a rate limit whose window runs (the queue's, one in workers' own options, one that a handler
 * asked for), global concurrency. Limits of other kinds, such as groups, start a job now and then.
 *
 * @returns what to remember, by queue; of queues that need no job to start that is nothing.
 */
export function watchConsumption(
  before: Readonly<Record<string, ConsumptionWatch>>,
  { concurrency }: Pick<PoolSpecView, 'concurrency'>,
  { queues, readyReplicas = 0 }: PoolObservation,
): Record<string, ConsumptionWatch> {
  const seen = queues.filter(isSeen);
  // of a queue that other pools work on too, all jobs that run: whose slots they hold is not known
  const freeSlots = readyReplicas * concurrency - busySlots(seen);
  const watched = freeSlots < 1 ? [] : seen.filter(mustStart);
  return Object.fromEntries(watched.map((load) => [load.queue, watchOne(before[load.queue], load, freeSlots)]));
}

/** What the signals say of a queue that nobody consumes. */
export function notConsumed(
  watch: ConsumptionWatch | undefined,
): Pick<QueueSignal, 'notConsumedMs' | 'freeSlots'> | undefined {
  if (watch === undefined) return undefined;
  const { atMs, sinceMs, freeSlots } = watch;
  return atMs - sinceMs < NOT_CONSUMED_AFTER_MS ? undefined : { notConsumedMs: atMs - sinceMs, freeSlots };
}

/** Whether jobs wait that nothing known keeps from starting on a free slot. */
function mustStart({ ready, active, paused, limitedForMs = 0, globalConcurrency = Infinity }: QueueLoad): boolean {
  return ready > 0 && !paused && limitedForMs <= 0 && active < globalConcurrency;
}

function watchOne(before: ConsumptionWatch | undefined, load: QueueLoad, freeSlots: number): ConsumptionWatch {
  const { sampledAtMs: atMs, ready, active } = load;
  const isGap = before === undefined || atMs - before.atMs > STALE_AFTER_MS;
  const sinceMs = isGap || hasStarted(before, load) ? atMs : before.sinceMs;
  return { atMs, sinceMs, ready, active, freeSlots };
}

/** Whether a job has left the line since the sample before, or may have. */
function hasStarted(before: ConsumptionWatch, { sampledAtMs, ready, active, estimates }: QueueLoad): boolean {
  const elapsedMs = sampledAtMs - before.atMs;
  if (elapsedMs <= 0) return false;
  if (active > before.active) return true;
  const left = (estimates.newArrivals ?? 0) - (ready - before.ready);
  if (left < LEAST_LEFT) return false;
  // adds that deduplication refused look like jobs that left: where jobs are long and none runs, none has
  const { serviceTimeMs = 0, serviceTimeSource } = estimates;
  const wouldShow = serviceTimeSource === 'finished' && serviceTimeMs >= SEEN_TO_RUN * elapsedMs;
  return !(wouldShow && active === 0 && before.active === 0 && ready >= before.ready);
}
