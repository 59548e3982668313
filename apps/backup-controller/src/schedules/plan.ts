import { parseDuration } from '@redis-queue/api';
import { decideSlots } from './due.ts';
import { drillHistoryOf, verifiedBackups } from './drill-status.ts';
import { drillName } from './drills.ts';
import { decideDrill, oldDrills, type DrillDecision } from './due-drill.ts';
import { historyOf } from './history.ts';
import { expiredBackups } from './retention.ts';
import { backupName, retentionOf, type ScheduleObject } from './schedules.ts';
import { readTimetable } from './slots.ts';
import type { ObservedSchedule, SchedulePlan, ScheduleStep } from './steps.ts';

/** Unfinished backups of a schedule: where nothing ends, a cron of each minute would fill the namespace. */
const MOST_UNFINISHED = { Forbid: 1, Allow: 10 } as const;

/** Backups, and drills, that one reconcile deletes. */
const MOST_DELETED = 20;

/** What is to be done for a schedule now. Pure. A backup is created before others are deleted. */
export function planSchedule(schedule: ScheduleObject, { backups, drills }: ObservedSchedule, now: Date): SchedulePlan {
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
  // What is being restored stays until that has ended.
  const inUse = new Set(drills.filter(({ state }) => state === 'unfinished').map(({ backup }) => backup));
  const verified = spec.verify ? verifiedBackups(schedule, drills) : new Set<string>();
  const expired = (retention ? expiredBackups(backups, retention, verified, nowMs) : []).filter(
    ({ name }) => !inUse.has(name),
  );
  const old = oldDrills(drills);
  const drill = drillOf(schedule, { backups, drills }, nowMs);
  return {
    steps: [
      ...(slots.due === undefined ? [] : [createBackup(metadata.name, slots.due)]),
      ...deletionOf('deleteBackup', expired),
      ...deletionOf('deleteDrill', old),
      ...(drill.due === undefined ? [] : [createDrill(drill.due)]),
    ],
    decided: { table, history, slots, drill },
    ...(Math.max(expired.length, old.length) > MOST_DELETED && { isMore: true }),
  };
}

function drillOf(schedule: ScheduleObject, { backups, drills }: ObservedSchedule, nowMs: number): DrillDecision {
  const { verify, suspend } = schedule.spec;
  if (!verify || suspend) return {};
  const everyMs = verify.every === undefined ? undefined : parseDuration(verify.every);
  return decideDrill(backups, drills, drillHistoryOf(schedule, drills, nowMs), { everyMs }, nowMs);
}

function createBackup(schedule: string, slotMs: number): ScheduleStep {
  return { kind: 'createBackup', name: backupName(schedule, slotMs), slotMs };
}

function createDrill(backup: string): ScheduleStep {
  return { kind: 'createDrill', name: drillName(backup), backup };
}

function deletionOf(
  kind: 'deleteBackup' | 'deleteDrill',
  objects: readonly { readonly name: string; readonly uid: string; readonly resourceVersion: string }[],
): ScheduleStep[] {
  return objects.slice(0, MOST_DELETED).map(({ name, uid, resourceVersion }) => ({ kind, name, uid, resourceVersion }));
}
