import type { QueueBackupScheduleReason } from '@redis-queue/api';
import type { Plan, Problem as KindProblem } from '@redis-queue/controller';
import type { SlotDecision } from './due.ts';
import type { ScheduleHistory } from './history.ts';
import type { OwnedBackup } from './retention.ts';
import type { Timetable } from './slots.ts';

// What planning starts from and ends with.

/** Why a schedule cannot go on now. */
export type Problem = KindProblem<QueueBackupScheduleReason>;

export interface ObservedSchedule {
  /** The backups of the schedule, in no order. */
  readonly backups: readonly OwnedBackup[];
}

export type ScheduleStep =
  | { readonly kind: 'createBackup'; readonly name: string; readonly slotMs: number }
  | { readonly kind: 'deleteBackup'; readonly name: string; readonly uid: string; readonly resourceVersion: string };

/** What is decided, beside what is to be done; undefined where the schedule cannot be read. */
export interface Decided {
  readonly table: Timetable;
  readonly history: ScheduleHistory;
  readonly slots: SlotDecision;
}

export interface SchedulePlan extends Plan<ScheduleStep, QueueBackupScheduleReason> {
  readonly decided?: Decided;
  /** More backups are over the limits than one reconcile deletes. */
  readonly isMore?: boolean;
}
