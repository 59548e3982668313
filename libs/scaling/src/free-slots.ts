import { busySlots } from './busy-slots.ts';
import {
  isSeen,
  type FreeSlotsWatch,
  type Instant,
  type PoolObservation,
  type PoolSpecView,
  type QueueLoad,
} from './model/types.ts';
import { decay } from './statistics/decaying.ts';

/** Part of the slots that has to be free beside a line, and for how long, until it counts as what workers do. */
const FREE_SHARE = 0.3;
const FREE_FOR_MS = 10_000;
/** A pod without a readiness probe is ready before it fetches: for so long its slots are not taken for free ones. */
const STARTED_AFTER_MS = 30_000;
/** Arrivals of this time may lie in line between two fetches. */
const IN_PASSING_MS = 500;
/** Slots with shorter jobs are free between two of them for a part of their time that says nothing. */
const LEAST_SERVICE_MS = 200;
const SERVED_HALF_LIFE_MS = 5_000;
/** How long no more slots are asked for than were used, at first and at most, and by how much more are tried then. */
const FIRST_HOLD_MS = 120_000;
const LONGEST_HOLD_MS = 1_800_000;
const RAISE = 1.5;
const RAISE_EVERY_MS = 15_000;
/** Without a line for so long, what its workers did is forgotten. */
const FORGET_MS = 60_000;

/**
 * Watches for slots that stay free while a line waits: a limiter in the workers' own options, a limit that handlers ask
 * for, groups, handlers that fetch nothing. None of it is in Redis, and more pods do not help: then the queue can keep
 * no more slots busy than it does. After a time more are tried, and after each try that changed nothing it takes twice
 * as long until the next. Slots that are all busy for as long prove that it can: what was known of a line is forgotten
 * then, once for each line.
 *
 * Not for queues that other pools work on too: whose slots their jobs hold is not known.
 *
 * @returns what to remember, by queue; of queues without a line that is nothing.
 */
export function watchFreeSlots(
  before: Readonly<Record<string, FreeSlotsWatch>>,
  { concurrency }: Pick<PoolSpecView, 'concurrency'>,
  { queues, readyReplicas, readyUnproven = false }: PoolObservation,
  nowMs: Instant,
): Record<string, FreeSlotsWatch> {
  const seen = queues.filter(isSeen);
  const startMs = readyUnproven ? STARTED_AFTER_MS : 0;
  const pods = { ready: readyReplicas ?? 0, concurrency, busy: busySlots(seen), startMs, nowMs };
  const watches: Record<string, FreeSlotsWatch> = {};
  for (const load of seen) {
    const watch = watchOne(before[load.queue], load, pods);
    if (watch !== undefined) watches[load.queue] = watch;
  }
  return watches;
}

/** The pods of the pool, and how many of their slots are busy. */
interface Pods {
  readonly ready: number;
  readonly concurrency: number;
  readonly busy: number;
  /** How long one that is ready may take until it fetches. */
  readonly startMs: number;
  readonly nowMs: Instant;
}

function watchOne(before: FreeSlotsWatch | undefined, load: QueueLoad, pods: Pods): FreeSlotsWatch | undefined {
  const isInLine = waits(load);
  if (before === undefined && !isInLine) return undefined;
  const { nowMs } = pods;
  const now = busySlots([load]);
  const old = before ?? { atMs: nowMs, lineAtMs: nowMs, served: now, ready: [] };
  const retained = decay(nowMs - old.atMs, SERVED_HALF_LIFE_MS);
  const watch: FreeSlotsWatch = {
    ...old,
    atMs: nowMs,
    served: old.served * retained + now * (1 - retained),
    lineAtMs: isInLine ? nowMs : old.lineAtMs,
    ready: addReady(old.ready, pods),
    freeSinceMs: undefined,
    fullSinceMs: undefined,
  };
  if (nowMs - watch.lineAtMs > FORGET_MS) return undefined;
  if (!isInLine || !canBeJudged(load)) return raised(watch, isInLine, nowMs);
  const started = watch.ready[0]!.pods * pods.concurrency;
  if (started - pods.busy >= Math.max(1, FREE_SHARE * started)) {
    const freeSinceMs = old.freeSinceMs ?? nowMs;
    return nowMs - freeSinceMs < FREE_FOR_MS ? { ...watch, freeSinceMs } : proven({ ...watch, freeSinceMs }, nowMs);
  }
  if (pods.ready === 0 || pods.busy < pods.ready * pods.concurrency) return raised(watch, true, nowMs);
  const fullSinceMs = old.fullSinceMs ?? nowMs;
  const full = raised({ ...watch, fullSinceMs }, true, nowMs);
  return nowMs - fullSinceMs < FREE_FOR_MS ? full : disproved(full);
}

/** With the pods that are ready now: as `lows`, so that the first are those that have been for long. */
function addReady(before: FreeSlotsWatch['ready'], { ready, startMs, nowMs }: Pods): FreeSlotsWatch['ready'] {
  const fewer = before.filter(({ atMs, pods }) => pods < ready && nowMs - atMs < startMs);
  return [...fewer, { atMs: nowMs, pods: ready }];
}

function waits({ ready, estimates: { arrivalRate = 0 } }: QueueLoad): boolean {
  return ready > Math.max(0, (arrivalRate * IN_PASSING_MS) / 1_000);
}

/** Of what is known to limit a queue its demand knows, and of a pool among several whose jobs run is not known. */
function canBeJudged({ share, paused, rateLimitPerSecond, globalConcurrency, estimates }: QueueLoad): boolean {
  const limited = paused || rateLimitPerSecond !== undefined || globalConcurrency !== undefined;
  return share === 1 && !limited && (estimates.serviceTimeMs ?? 0) >= LEAST_SERVICE_MS;
}

/** As many slots as are used, and what chance may use more of them at once. */
function mostOf(served: number): number {
  return Math.max(1, served + Math.sqrt(served));
}

function proven(watch: FreeSlotsWatch, nowMs: Instant): FreeSlotsWatch {
  const { served, ceiling } = watch;
  const holdMs = ceiling?.tried ? Math.min(LONGEST_HOLD_MS, 2 * ceiling.holdMs) : (ceiling?.holdMs ?? FIRST_HOLD_MS);
  return { ...watch, ceiling: { slots: mostOf(served), untilMs: nowMs + holdMs, holdMs, tried: false } };
}

/** The ceiling was none: whoever did not use the slots was not limited, but had not begun. */
function disproved(watch: FreeSlotsWatch): FreeSlotsWatch {
  return watch.ceiling === undefined || watch.disproved ? watch : { ...watch, ceiling: undefined, disproved: true };
}

function raised(watch: FreeSlotsWatch, isInLine: boolean, nowMs: Instant): FreeSlotsWatch {
  const { ceiling, served } = watch;
  if (ceiling === undefined || !isInLine || nowMs < ceiling.untilMs) return watch;
  const slots = Math.max(RAISE * ceiling.slots + 1, mostOf(served));
  return { ...watch, ceiling: { ...ceiling, slots, untilMs: nowMs + RAISE_EVERY_MS, tried: true } };
}
