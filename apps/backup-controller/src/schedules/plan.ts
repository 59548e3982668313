import { decideSlots } from './due.ts';
import { historyOf } from './history.ts';
import { expiredBackups } from './retention.ts';
import { backupName, retentionOf, type ScheduleObject } from './schedules.ts';
import { readTimetable } from './slots.ts';
import type { ObservedSchedule, SchedulePlan, ScheduleStep } from './steps.ts';

/** Unfinished backups of a schedule: where nothing ends, a cron of each minute would fill the namespace. */
const MOST_UNFINISHED = { Forbid: 1, Allow: 10 } as const;

/** Backups that one reconcile deletes. */
const MOST_DELETED = 20;

/** What is to be done for a schedule now. Pure. A backup is created before others are deleted. */
export function planSchedule(schedule: ScheduleObject, { backups }: ObservedSchedule, now: Date): SchedulePlan {
  const { spec, metadata } = schedule;
  const nowMs = now.getTime();
  const table = readTimetable(spec);
  if ('field' in table)
    return { steps: [], problem: { reason: 'ScheduleInvalid', message: `spec.${table.field} ${table.message}` } };
  const history = historyOf(schedule, nowMs);
  const deadlineMs = spec.startingDeadlineSeconds === undefined ? undefined : spec.startingDeadlineSeconds * 1_000;
  const unfinished = backups.filter(({ state }) => state === 'unfinished').length;
  const blocked = unfinished >= MOST_UNFINISHED[spec.concurrencyPolicy];
  const taken = new Set(backups.map(({ slotMs }) => slotMs));
  const slots = decideSlots(
    table,
    { decidedMs: history.decidedMs, taken },
    { suspended: spec.suspend, blocked, deadlineMs },
    nowMs,
  );
  const retention = retentionOf(schedule);
  const expired = retention ? expiredBackups(backups, retention, nowMs) : [];
  const creates: ScheduleStep[] =
    slots.due === undefined
      ? []
      : [{ kind: 'createBackup', name: backupName(metadata.name, slots.due), slotMs: slots.due }];
  const deletes = expired
    .slice(0, MOST_DELETED)
    .map(({ name, uid, resourceVersion }): ScheduleStep => ({ kind: 'deleteBackup', name, uid, resourceVersion }));
  return {
    steps: [...creates, ...deletes],
    decided: { table, history, slots },
    ...(expired.length > MOST_DELETED && { isMore: true }),
  };
}
