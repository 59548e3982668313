import { nextRunMs, scheduleProblem, type Schedule } from '../job-schedulers/schedule.ts';

/** A job scheduler of a backup, and what is there of the job of its next run. */
export interface HeldScheduler {
  readonly id: string;
  /** The next run in the backup, Unix ms. */
  readonly nextMs: number;
  /** Its hash, as far as it is text. */
  readonly hash: Readonly<Record<string, string>>;
  /** The job of that run: `held` back, in another place where it is `unfinished` or `over`, or `absent`. */
  readonly job: 'held' | 'unfinished' | 'over' | 'absent';
  /** The options of that job as JSON. */
  readonly jobOpts?: string | undefined;
}

/** How a scheduler goes on. */
export interface SchedulerPlan {
  /** The run to come, Unix ms. */
  readonly nextMs: number;
  /** What becomes of the job of the run in the backup; see `restore-scheduler.lua`. */
  readonly way: 'placed' | 'held' | 'moved' | 'made';
  /** Where the job is moved or made: its options as JSON. */
  readonly opts?: string;
}

/**
 * How a scheduler goes on when its queue is resumed at `nowMs`. Pure.
 *
 * A run that was due at the snapshot has not run, and runs now. One that came after it may have run where the backup was
 * taken; it is left out, and so are those after it, until the first one to come. A scheduler whose times cannot be read
 * keeps its run, and the worker that takes it finds the next; and so does one whose options are nested too deep.
 */
export function planScheduler(
  { id, nextMs, hash, job, jobOpts }: HeldScheduler,
  { nowMs, snapshotAtMs }: { readonly nowMs: number; readonly snapshotAtMs: number },
): SchedulerPlan {
  if (job === 'unfinished') return { nextMs, way: 'placed' };
  if (job === 'held' && (nextMs > nowMs || nextMs <= snapshotAtMs)) return { nextMs, way: 'held' };
  const isLate = job === 'over' || nextMs <= nowMs;
  const schedule = scheduleOf(hash);
  if (!schedule || isEnded(hash, nowMs, job)) return { nextMs, way: job === 'held' && !schedule ? 'held' : 'placed' };
  const coming = isLate ? comingRun(schedule, hash, Math.max(nowMs, job === 'over' ? nextMs : 0), nextMs) : nextMs;
  if (coming === undefined) return { nextMs, way: 'placed' };
  const opts = jsonOf({
    ...(job === 'held' ? parsed(jobOpts) : { ...parsed(hash['opts']), repeat: repeatOptions(hash) }),
    jobId: `repeat:${id}:${coming}`,
    prevMillis: coming,
    repeatJobKey: id,
    delay: Math.max(coming - nowMs, 0),
    timestamp: nowMs,
  });
  // The job as it is makes the scheduler go on; without one there is none that could be made.
  if (opts === undefined) return { nextMs, way: job === 'held' ? 'held' : 'placed' };
  return { nextMs: coming, way: job === 'held' ? 'moved' : 'made', opts };
}

/** Undefined: what is stored is none that is certain to be read as BullMQ's workers do, or that ever comes. */
function scheduleOf({ every, pattern, tz = 'UTC' }: Readonly<Record<string, string>>): Schedule | undefined {
  const everyMs = Number(every);
  if (every !== undefined) return Number.isSafeInteger(everyMs) && everyMs > 0 ? { everyMs } : undefined;
  if (pattern === undefined || pattern.length > 256) return undefined;
  const schedule = { cron: pattern, timeZone: tz };
  return scheduleProblem(schedule) === undefined ? schedule : undefined;
}

/** No run is to come, as BullMQ decides it when it makes the next one. */
function isEnded(
  { limit, endDate, ic }: Readonly<Record<string, string>>,
  nowMs: number,
  job: HeldScheduler['job'],
): boolean {
  // The run that is left out was one of them, and another comes in its place.
  if (limit !== undefined && job !== 'held' && Number(ic ?? 1) >= Number(limit)) return true;
  return endDate !== undefined && nowMs > Number(endDate);
}

function comingRun(
  schedule: Schedule,
  { startDate }: Readonly<Record<string, string>>,
  afterMs: number,
  formerMs: number,
): number | undefined {
  const start = Number(startDate ?? 0);
  // At the same distance from the runs before.
  if ('everyMs' in schedule)
    return formerMs + (Math.floor((afterMs - formerMs) / schedule.everyMs) + 1) * schedule.everyMs;
  return nextRunMs(schedule, Number.isFinite(start) ? Math.max(afterMs, start) : afterMs);
}

function repeatOptions({
  every,
  pattern,
  tz,
  limit,
  startDate,
  endDate,
  offset,
  ic,
}: Readonly<Record<string, string>>): object {
  return {
    ...number('every', every),
    ...(pattern !== undefined && { pattern }),
    ...(tz !== undefined && { tz }),
    ...number('limit', limit),
    ...number('startDate', startDate),
    ...number('endDate', endDate),
    ...number('offset', offset),
    count: Number(ic ?? 1),
  };
}

function number(name: string, text: string | undefined): object {
  return text === undefined ? {} : { [name]: Number(text) };
}

/** Undefined: it is nested too deep to be written. */
function jsonOf(object: object): string | undefined {
  try {
    return JSON.stringify(object);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parsed(text: string | undefined): object {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
