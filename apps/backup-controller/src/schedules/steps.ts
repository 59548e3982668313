import type { QueueBackupScheduleReason } from '@redis-queue/api';
import type { Plan, Problem as KindProblem } from '@redis-queue/controller';
import type { SlotDecision } from './due.ts';
import type { OwnedDrill } from './drills.ts';
import type { DrillDecision } from './due-drill.ts';
import type { ScheduleHistory } from './history.ts';
import type { OwnedBackup } from './retention.ts';
import type { Timetable } from './slots.ts';

// What planning starts from and ends with.

/** Why a schedule cannot go on now. */
export type Problem = KindProblem<QueueBackupScheduleReason>;

export interface ObservedSchedule {
  /** The backups of the schedule, in no order. */
  readonly backups: readonly OwnedBackup[];
  /** Its drills, in no order. */
  readonly drills: readonly OwnedDrill[];
}

export type ScheduleStep =
  | { readonly kind: 'createBackup'; readonly name: string; readonly slotMs: number }
  | { readonly kind: 'createDrill'; readonly name: string; readonly backup: string }
  | {
      readonly kind: 'deleteBackup' | 'deleteDrill';
      readonly name: string;
      readonly uid: string;
      readonly resourceVersion: string;
    };

/** What is decided, beside what is to be done; undefined where the schedule cannot be read. */
export interface Decided {
  readonly table: Timetable;
  readonly history: ScheduleHistory;
  readonly slots: SlotDecision;
  readonly drill: DrillDecision;
}

export interface SchedulePlan extends Plan<ScheduleStep, QueueBackupScheduleReason> {
  readonly decided?: Decided;
  /** More backups or drills are over the limits than one reconcile deletes. */
  readonly isMore?: boolean;
}
