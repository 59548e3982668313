import {
  MOST_NAMED_SLOTS,
  QUEUE_BACKUP_SCHEDULE_REASONS,
  type QueueBackupScheduleReason,
  type QueueBackupScheduleStatus,
} from '@redis-queue/api';
import { kindConditions, saidBefore, timestamp, type Notice, type Outcome } from '@redis-queue/controller';
import { listQueues } from '../engine/queue-names.ts';
import { drillStatus, verificationFailure, VERIFICATION_FAILED } from './drill-status.ts';
import { zoneOf } from './history.ts';
import type { OwnedBackup } from './retention.ts';
import { slotOfName, timeMs, type ScheduleObject } from './schedules.ts';
import { nextSlot } from './slots.ts';
import type { Decided, ObservedSchedule, Problem, SchedulePlan } from './steps.ts';

/** The condition types of a QueueBackupSchedule beside those of every kind; each is absent while it does not hold. */
export const ScheduleCondition = {
  Suspended: 'Suspended',
  LastBackupFailed: 'LastBackupFailed',
  LastBackupIncomplete: 'LastBackupIncomplete',
  Overdue: 'Overdue',
} as const;

export type ScheduleOutcome = Outcome<ObservedSchedule, SchedulePlan, QueueBackupScheduleReason>;

/** So long after a slot nothing is overdue: a backup of a schedule of minutes takes its time. */
const OVERDUE_AFTER_MS = 3_600_000;

/** What the status should say. Pure; an unchanged outcome gives a deeply equal status. */
export function scheduleStatus(
  schedule: ScheduleObject,
  outcome: ScheduleOutcome,
  now: Date,
): QueueBackupScheduleStatus {
  const { plan, observed, problem } = outcome;
  const { suspend } = schedule.spec;
  const ends = endsOf(schedule, observed.backups);
  const active = activeOf(outcome);
  const slots = plan.decided ? slotsOf(schedule, plan.decided, outcome, now) : slotsBefore(schedule);
  const overdue = plan.decided && overdueOf(schedule, plan.decided, ends, now);
  const created = outcome.done.find((step) => step.kind === 'createDrill');
  const drills = drillStatus(schedule, observed.drills, created, now);
  const suspended: Problem = { reason: 'Suspended', message: 'spec.suspend is true; set it to false to go on' };
  const ready = problem ?? (suspend ? suspended : readyOf(plan, slots.nextScheduleTime, active));
  const notices = {
    [ScheduleCondition.Suspended]: suspend ? suspended : undefined,
    [ScheduleCondition.LastBackupFailed]: failureOf(schedule, observed.backups, ends),
    [ScheduleCondition.LastBackupIncomplete]: incompleteOf(schedule, observed.backups, ends),
    [VERIFICATION_FAILED]: verificationFailure(schedule, observed.drills, drills),
    [ScheduleCondition.Overdue]: overdue,
  };
  return {
    observedGeneration: schedule.metadata.generation ?? 0,
    conditions: kindConditions(schedule, QUEUE_BACKUP_SCHEDULE_REASONS, ready, notices, now),
    ...slots,
    ...(active.length > 0 && { active: active.slice(0, MOST_NAMED_SLOTS) }),
    ...ends,
    ...drills,
  };
}

function readyOf({ decided }: SchedulePlan, next: string | undefined, active: readonly string[]): Problem {
  const { waiting } = decided?.slots ?? {};
  if (waiting === undefined)
    return {
      reason: 'Scheduled',
      message: next === undefined ? 'no further backup is due' : `the next backup is due at ${next}`,
    };
  const message = `the backup of ${timestamp(waiting)} waits until QueueBackup ${active.at(-1) ?? ''} has ended`;
  return { reason: 'WaitingForBackup', message };
}

/** Names of those that have not ended, the newest first. */
function activeOf({ observed, done }: ScheduleOutcome): string[] {
  const created = done.flatMap((step) => (step.kind === 'createBackup' ? [step.name] : []));
  const unfinished = observed.backups
    .filter(({ state }) => state === 'unfinished')
    .toSorted((a, b) => b.slotMs - a.slotMs)
    .map(({ name }) => name);
  return [...new Set([...created, ...unfinished])];
}

type Slots = Pick<QueueBackupScheduleStatus, 'timetable' | 'lastScheduleTime' | 'nextScheduleTime' | 'skipped'>;

/** What is decided is kept here: the newest slot that has a backup, and those that were skipped. */
function slotsOf(
  { spec }: ScheduleObject,
  { table, history, slots }: Decided,
  { done }: ScheduleOutcome,
  now: Date,
): Slots {
  const created = done.flatMap((step) => (step.kind === 'createBackup' ? [step.slotMs] : []));
  const taken = [history.lastScheduledMs, slots.newestTaken, ...created].filter((ms) => ms !== undefined);
  const next = spec.suspend ? undefined : nextSlot(table, now.getTime());
  const count = history.skipped.count + slots.skipped.count;
  const latest = [...slots.skipped.latest, ...history.skipped.latest].toSorted((a, b) => b - a);
  return {
    timetable: { schedule: spec.schedule, timeZone: zoneOf(spec), since: timestamp(history.sinceMs) },
    ...(taken.length > 0 && { lastScheduleTime: timestamp(Math.max(...taken)) }),
    ...(next !== undefined && { nextScheduleTime: timestamp(next) }),
    ...(count > 0 && { skipped: { count, latest: latest.slice(0, MOST_NAMED_SLOTS).map((ms) => timestamp(ms)) } }),
  };
}

/** A schedule that cannot be read decides nothing, and forgets nothing. */
function slotsBefore({ status }: ScheduleObject): Slots {
  const { timetable, lastScheduleTime, skipped } = status ?? {};
  return {
    ...(timetable && { timetable }),
    ...(lastScheduleTime !== undefined && { lastScheduleTime }),
    ...(skipped && { skipped }),
  };
}

type Ends = Pick<
  QueueBackupScheduleStatus,
  | 'lastSuccessfulTime'
  | 'lastSuccessfulBackup'
  | 'lastPartialTime'
  | 'lastPartialBackup'
  | 'lastFailedTime'
  | 'lastFailedBackup'
>;

/** The newest ends of backups, also of those that were deleted since. */
function endsOf({ status }: ScheduleObject, backups: readonly OwnedBackup[]): Ends {
  const { lastSuccessfulTime, lastSuccessfulBackup, lastFailedTime, lastFailedBackup } = status ?? {};
  const { lastPartialTime, lastPartialBackup } = status ?? {};
  const good = newestEnd(backups, 'complete', { time: lastSuccessfulTime, name: lastSuccessfulBackup });
  const partial = newestEnd(backups, 'partial', { time: lastPartialTime, name: lastPartialBackup });
  const failed = newestEnd(backups, 'failed', { time: lastFailedTime, name: lastFailedBackup });
  return {
    ...(good && { lastSuccessfulTime: good.time, lastSuccessfulBackup: good.name }),
    ...(partial && { lastPartialTime: partial.time, lastPartialBackup: partial.name }),
    ...(failed && { lastFailedTime: failed.time, lastFailedBackup: failed.name }),
  };
}

/** How a backup ended, as far as others are told. */
export type BackupEnd = 'complete' | 'partial' | 'failed' | 'none';

/** One that lacks queues is good as far as it goes, and no success of the schedule. */
export function endOf({ state, leftOut = [] }: Pick<OwnedBackup, 'state' | 'leftOut'>): BackupEnd {
  if (state === 'good') return leftOut.length > 0 ? 'partial' : 'complete';
  return state === 'failed' ? 'failed' : 'none';
}

function newestEnd(
  backups: readonly OwnedBackup[],
  end: BackupEnd,
  before: { readonly time: string | undefined; readonly name: string | undefined },
): { time: string; name: string } | undefined {
  const ended = backups.filter((backup) => endOf(backup) === end && backup.endedMs !== undefined);
  const newest = ended.toSorted((a, b) => b.endedMs! - a.endedMs! || b.slotMs - a.slotMs)[0];
  const beforeMs = timeMs(before.time);
  if (newest && (beforeMs === undefined || newest.endedMs! > beforeMs))
    return { time: timestamp(newest.endedMs!), name: newest.name };
  return before.time === undefined || before.name === undefined ? undefined : { time: before.time, name: before.name };
}

function failureOf(
  schedule: ScheduleObject,
  backups: readonly OwnedBackup[],
  { lastSuccessfulTime, lastPartialTime, lastFailedTime, lastFailedBackup }: Ends,
): Notice<QueueBackupScheduleReason> {
  const [failedMs = -Infinity, ...goodMs] = [lastFailedTime, lastSuccessfulTime, lastPartialTime].map(timeMs);
  if (goodMs.some((ms = -Infinity) => failedMs <= ms)) return undefined;
  const failed = backups.find(({ name }) => name === lastFailedBackup);
  if (failed)
    return {
      reason: 'BackupFailed',
      message: `QueueBackup ${failed.name} failed: ${failed.reason}: ${failed.message}`,
    };
  const before = saidBefore<QueueBackupScheduleReason>(schedule.status?.conditions, ScheduleCondition.LastBackupFailed);
  return before ?? { reason: 'BackupFailed', message: `QueueBackup ${lastFailedBackup} failed` };
}

function incompleteOf(
  schedule: ScheduleObject,
  backups: readonly OwnedBackup[],
  { lastSuccessfulTime, lastPartialTime, lastPartialBackup }: Ends,
): Notice<QueueBackupScheduleReason> {
  const [goodMs = -Infinity, partialMs = -Infinity] = [timeMs(lastSuccessfulTime), timeMs(lastPartialTime)];
  if (partialMs <= goodMs) return undefined;
  const partial = backups.find(({ name }) => name === lastPartialBackup);
  if (partial) return { reason: 'BackupIncomplete', message: incompleteText(partial) };
  const before = saidBefore<QueueBackupScheduleReason>(
    schedule.status?.conditions,
    ScheduleCondition.LastBackupIncomplete,
  );
  return before ?? { reason: 'BackupIncomplete', message: `QueueBackup ${lastPartialBackup} lacks queues` };
}

/** What to say of a backup that lacks queues. */
export function incompleteText({ name, leftOut = [] }: Pick<OwnedBackup, 'name' | 'leftOut'>): string {
  return `QueueBackup ${name} does not have ${listQueues(leftOut)}, which could not be read; its status.leftOut says why`;
}

function overdueOf(
  schedule: ScheduleObject,
  decided: Decided,
  ends: Ends,
  now: Date,
): Notice<QueueBackupScheduleReason> {
  const dueMs = overdueAtMs(schedule, decided, ends);
  if (dueMs === undefined || dueMs > now.getTime()) return undefined;
  const { lastSuccessfulTime, lastSuccessfulBackup } = ends;
  const since =
    lastSuccessfulTime === undefined
      ? 'no backup of the schedule has completed with all of its queues'
      : `the last backup that completed with all of its queues is QueueBackup ${lastSuccessfulBackup}, which ended at ${lastSuccessfulTime}`;
  return {
    reason: 'BackupOverdue',
    message: `two times of the schedule have passed since, and ${since}; see its QueueBackups`,
  };
}

/**
 * When it is overdue that a backup completes, in Unix ms: at the second slot after the one of the last good backup, and
 * not before the first is an hour old. undefined: never, as it is suspended.
 */
export function overdueAtMs(
  { metadata, spec }: ScheduleObject,
  { table, history }: Decided,
  { lastSuccessfulBackup }: Ends,
): number | undefined {
  if (spec.suspend) return undefined;
  const goodMs = slotOfName(metadata.name, lastSuccessfulBackup) ?? -Infinity;
  const first = nextSlot(table, Math.max(goodMs, history.sinceMs));
  const second = first === undefined ? undefined : nextSlot(table, first);
  return first === undefined || second === undefined ? undefined : Math.max(second, first + OVERDUE_AFTER_MS);
}
