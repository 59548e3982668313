import {
  QUEUE_BACKUP_SCHEDULE_REASONS,
  QUEUE_BACKUP_SCHEDULES,
  type QueueBackupScheduleReason,
} from '@redis-queue/api';
import { restoredUnfinished, RetryPace, soonestMs, timestamp, type Kind } from '@redis-queue/controller';
import { compareStatus } from '../runs/compare-status.ts';
import { applySchedule } from './apply.ts';
import type { DrillMetrics } from './drill-metrics.ts';
import { newlyEnded } from './drill-status.ts';
import { ownedDrill, type RestoreObject } from './drills.ts';
import type { ScheduleMetrics } from './metrics.ts';
import { planSchedule } from './plan.ts';
import { nextExpiryMs, type OwnedBackup } from './retention.ts';
import { ownedBackup, retentionOf, timeMs, type BackupObject, type ScheduleObject } from './schedules.ts';
import { nextSlot, type Timetable } from './slots.ts';
import { endOf, incompleteText, overdueAtMs, scheduleStatus, type BackupEnd } from './status.ts';
import type { ObservedSchedule, SchedulePlan } from './steps.ts';

/** Timers of Node count no more than 24 days; and clocks may be set. */
const LONGEST_WAIT_MS = 3_600_000;

export interface ScheduleKindOptions {
  /** The backups that say they are of the schedule, from the cache. */
  readonly backupsOf: (schedule: ScheduleObject) => Iterable<BackupObject>;
  /** The drills that say so. */
  readonly drillsOf: (schedule: ScheduleObject) => Iterable<RestoreObject>;
  /** Whether a QueueRestore reads a backup, or is about to. */
  readonly isRead: (backup: BackupObject) => boolean;
  readonly metrics: ScheduleMetrics;
  readonly drillMetrics: DrillMetrics;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** What is particular to the QueueBackupSchedule kind. */
export function scheduleKind({
  backupsOf,
  drillsOf,
  isRead,
  metrics,
  drillMetrics,
  random = Math.random,
}: ScheduleKindOptions): Kind<ScheduleObject, ObservedSchedule, SchedulePlan, QueueBackupScheduleReason> {
  const retries = new RetryPace<ScheduleObject>();
  return {
    name: 'queuebackupschedule',
    type: QUEUE_BACKUP_SCHEDULES,
    reasons: QUEUE_BACKUP_SCHEDULE_REASONS,
    memories: [retries, metrics, drillMetrics],
    observe: (schedule) =>
      Promise.resolve({
        backups: [...backupsOf(schedule)].flatMap((backup) => owned(schedule, backup, isRead)),
        drills: [...drillsOf(schedule)].flatMap((drill) => ownedDrill(schedule, drill) ?? []),
      }),
    plan: planSchedule,
    apply: applySchedule,
    status: scheduleStatus,
    statusDelayMs(schedule, _, status, nowMs) {
      // What Velero knows of its times comes after the object itself.
      const { statusWithinMs = 0 } = restoredUnfinished(schedule, new Date(nowMs)) ?? {};
      if (statusWithinMs > 0) return statusWithinMs;
      return compareStatus(schedule.status, status) === 'none' ? undefined : 0;
    },
    statusWritten(schedule, { observed, plan }, _, { event }) {
      const { lastSuccessfulTime, lastPartialTime, lastFailedTime } = schedule.status ?? {};
      const endedSince = (end: BackupEnd, time: string | undefined) =>
        observed.backups.filter((backup) => endOf(backup) === end && backup.endedMs! > (timeMs(time) ?? 0));
      for (const { name } of endedSince('complete', lastSuccessfulTime))
        event('BackupCompleted', `QueueBackup ${name} completed`);
      for (const backup of endedSince('partial', lastPartialTime)) event('BackupIncomplete', incompleteText(backup));
      for (const { name, reason, message } of endedSince('failed', lastFailedTime)) {
        metrics.failed(schedule, reason);
        event('BackupFailed', `QueueBackup ${name} failed: ${reason}: ${message}`);
      }
      const drills = newlyEnded(schedule, observed.drills);
      for (const { backup, jobs = 0, tookMs = 0 } of drills.good)
        event(
          'BackupVerified',
          `QueueBackup ${backup} was restored, compared and removed: ${jobs} jobs in ${Math.round(tookMs / 1_000)} s`,
        );
      for (const { name, backup, reason, message } of drills.failed) {
        drillMetrics.failed(schedule, reason);
        event(
          'VerificationFailed',
          `QueueBackup ${backup} could not be restored: QueueRestore ${name}: ${reason}: ${message}`,
        );
      }
      const { count = 0, latest = [] } = plan.decided?.slots.skipped ?? {};
      if (count === 0) return;
      metrics.skipped(schedule, count);
      const which =
        count === 1
          ? `The backup of ${timestamp(latest[0]!)} was skipped`
          : `${count} backups were skipped, the newest of ${timestamp(latest[0]!)}`;
      event('BackupsSkipped', `${which}: ${whySkipped(schedule)}`);
    },
    requeueMs(schedule, { observed, plan, problem }, status, { nowMs }) {
      const { decided } = plan;
      const next = decided && nextSlot(decided.table, nowMs);
      const overdueAt = decided && overdueAtMs(schedule, decided, status);
      metrics.observed(schedule, status, {
        intervalMs: decided && intervalMs(decided.table, next),
        overdueAtMs: overdueAt,
        isInvalid: next === undefined,
      });
      drillMetrics.observed(schedule, status);
      if (plan.isMore) return 0;
      const retention = retentionOf(schedule);
      const at = [
        next,
        overdueAt,
        decided && deadlineMs(schedule, decided.slots.waiting),
        decided?.drill.atMs,
        retention && nextExpiryMs(observed.backups, retention, nowMs),
      ];
      const ahead = at.filter((ms) => ms !== undefined && ms > nowMs).map((ms) => ms! - nowMs);
      const retry = problem && retries.afterMs(schedule, status, new Date(nowMs), random());
      return soonestMs([...ahead, retry, LONGEST_WAIT_MS]);
    },
  };
}

function owned(
  schedule: ScheduleObject,
  backup: BackupObject,
  isRead: (backup: BackupObject) => boolean,
): OwnedBackup[] {
  const found = ownedBackup(schedule, backup);
  return found ? [{ ...found, isRead: isRead(backup) }] : [];
}

function intervalMs(table: Timetable, next: number | undefined): number | undefined {
  const second = next === undefined ? undefined : nextSlot(table, next);
  return next === undefined || second === undefined ? undefined : second - next;
}

/** When a backup that waits is skipped. */
function deadlineMs({ spec }: ScheduleObject, waiting: number | undefined): number | undefined {
  if (waiting === undefined || spec.startingDeadlineSeconds === undefined) return undefined;
  return waiting + spec.startingDeadlineSeconds * 1_000 + 1;
}

function whySkipped({ spec }: ScheduleObject): string {
  const causes = [
    'the controller did not come to it before the next one was due',
    ...(spec.startingDeadlineSeconds === undefined ? [] : ['startingDeadlineSeconds were over']),
    spec.concurrencyPolicy === 'Forbid' ? 'an older one had not ended' : 'ten older ones had not ended',
  ];
  return `${causes.slice(0, -1).join(', ')} or ${causes.at(-1)}`;
}
