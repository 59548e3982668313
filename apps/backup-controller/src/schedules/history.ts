import { timestamp } from '@redis-queue/controller';
import { timeMs, type ScheduleObject } from './schedules.ts';

/** What a schedule's status tells of the past, as far as it can be trusted. All times are Unix ms. */
export interface ScheduleHistory {
  /** Since when the schedule of the spec is in effect. */
  readonly sinceMs: number;
  readonly lastScheduledMs: number | undefined;
  readonly skipped: { readonly count: number; readonly latest: readonly number[] };
  /** Every slot until then is decided. */
  readonly decidedMs: number;
}

/** A time that is further ahead was written by a clock that was wrong. It would keep backups from being taken until then. */
export const CLOCKS_DIFFER_MS = 3_600_000;

/**
 * Reads what is known. A schedule or time zone that differs from the one in the status counts from now on: by it, slots
 * before that were never due, and so they are neither taken nor skipped.
 */
export function historyOf({ metadata, spec, status }: ScheduleObject, nowMs: number): ScheduleHistory {
  const { timetable, skipped } = status ?? {};
  const isPast = (ms: number | undefined): ms is number => ms !== undefined && ms <= nowMs + CLOCKS_DIFFER_MS;
  const isSame = timetable?.schedule === spec.schedule && timetable.timeZone === zoneOf(spec);
  const began = timeMs(timetable ? timetable.since : metadata.creationTimestamp);
  const scheduled = timeMs(status?.lastScheduleTime);
  const named = (skipped?.latest ?? []).map((text) => timeMs(text));
  const latest = named.filter(isPast);
  const isWrong = [began, scheduled, ...named].some((ms) => ms !== undefined && !isPast(ms));
  const sinceMs = (timetable && !isSame) || isWrong || began === undefined ? Date.parse(timestamp(nowMs)) : began;
  const lastScheduledMs = isPast(scheduled) ? scheduled : undefined;
  return {
    sinceMs,
    lastScheduledMs,
    skipped: { count: skipped?.count ?? 0, latest },
    decidedMs: Math.max(sinceMs, lastScheduledMs ?? -Infinity, ...latest),
  };
}

/** The time zone of a schedule, by name. */
export function zoneOf({ timeZone = 'UTC' }: ScheduleObject['spec']): string {
  return timeZone;
}
