import { z } from 'zod';
import { celRules } from './cel.ts';
import {
  type API_VERSION,
  conditionsSchema,
  GROUP,
  observedGenerationSchema,
  type ObjectMeta,
  VERSION,
} from './meta.ts';
import { queueBackupSpecSchema } from './queue-backup.ts';
import { COMMON_REASONS, type ReasonTable } from './reasons.ts';
import { count, dateTime, jobsPerSecondSchema } from './run-fields.ts';
import { scratchSchema } from './scratch.ts';

/** Where the API server serves QueueBackupSchedules. */
export const QUEUE_BACKUP_SCHEDULES = {
  group: GROUP,
  version: VERSION,
  plural: 'queuebackupschedules',
  kind: 'QueueBackupSchedule',
  namespaced: true,
} as const;

/** The label of what a schedule created, QueueBackups and QueueRestores: the name of the schedule. */
export const BACKUP_SCHEDULE_LABEL = 'redis-queue.io/backup-schedule';
/** The annotation of such a QueueBackup with the time of its slot. */
export const SCHEDULED_FOR_ANNOTATION = 'redis-queue.io/scheduled-for';

/** Slots that a status names, and backups that run. */
export const MOST_NAMED_SLOTS = 10;

/** Its backups have it in their names with a dash and nine digits after it, and in a label of at most 63 characters. */
export const LONGEST_SCHEDULE_NAME = 52;

const retentionSchema = z
  .object({
    count: z
      .int()
      .min(1)
      .max(1_000)
      .optional()
      .describe('Backups that stay: so many that completed, and so many that failed. Absent: any number.'),
    maxAge: z
      .string()
      .max(6)
      .regex(/^[1-9][0-9]*[hd]$/)
      .optional()
      .describe('How old they become, from their end on: 36h, 30d. Absent: any age.'),
    keepLastGood: z
      .int()
      .min(1)
      .max(100)
      .default(1)
      .describe('Backups that completed and stay whatever else is said here: the newest.'),
  })
  .meta(
    celRules({
      rule: 'has(self.count) || has(self.maxAge)',
      message:
        'retention has neither count nor maxAge, so it would delete nothing; set one of them, or remove retention',
    }),
  );

/** Seconds that a drill may take. */
const DRILL_DEADLINE_SECONDS = 21_600;

const verifySchema = z.object({
  mode: z
    .enum(['Restore'])
    .describe(
      'Restore: a QueueRestore with scratch writes the backup into Redis, compares it job by job, and removes it.',
    ),
  every: z
    .string()
    .max(6)
    .regex(/^[1-9][0-9]*[hd]$/)
    .optional()
    .describe(
      'The least time between two drills that succeed: 24h, 7d. The newest backup that completed is taken, and no other. Absent: each backup that completed, unless a newer one did before its drill began.',
    ),
  scratch: scratchSchema.optional().describe('Where it is written. Absent: beside the queues, as with {}.'),
  jobsPerSecond: jobsPerSecondSchema.describe(
    'Jobs that are written per second at most. Absent: as many as Redis takes.',
  ),
  activeDeadlineSeconds: z
    .int()
    .min(60)
    .max(2_592_000)
    .default(DRILL_DEADLINE_SECONDS)
    .describe('Seconds after which a drill fails that has not ended.'),
});

export const queueBackupScheduleSpecSchema = z
  .object({
    schedule: z
      .string()
      .max(100)
      .regex(/^[A-Za-z0-9*?,/#-]+( [A-Za-z0-9*?,/#-]+){4}$/)
      .describe('When backups are taken, as cron: minute, hour, day of month, month, day of week.'),
    timeZone: z
      .string()
      .max(64)
      .regex(/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/)
      .optional()
      .describe(
        'Time zone of the schedule, such as Europe/Berlin. Where the clocks change, a time that is left out runs at the jump, and one that comes twice runs once; a cron for every hour follows the hours that pass. Absent: UTC.',
      ),
    startingDeadlineSeconds: z
      .int()
      .min(60)
      .max(31_536_000)
      .optional()
      .describe(
        'Seconds after which a backup that could not begin is skipped. Absent: it begins as soon as it can, until the next one is due.',
      ),
    concurrencyPolicy: z
      .enum(['Allow', 'Forbid'])
      .default('Forbid')
      .describe(
        'Whether a backup begins while an older one of this schedule has not ended; Allow: up to ten. One that may not begin waits, and is skipped when the next one comes or startingDeadlineSeconds are over.',
      ),
    suspend: z
      .boolean()
      .default(false)
      .describe(
        'Begin no backup while true. Afterwards one is taken for the newest time that passed, if its deadline allows.',
      ),
    retention: retentionSchema
      .optional()
      .describe(
        'Which QueueBackups of this schedule are deleted; deletionPolicy of the template says whether they go from the storage too. Absent: all stay.',
      ),
    verify: verifySchema
      .optional()
      .describe(
        'Drills: whether the backups of this schedule can be restored is tried, one after the other, and how long that takes. Absent: it is not.',
      ),
    template: z
      .object({
        // With a time to live the last good backup would go as well: here `retention` decides. One that never ends has no
        // schedule.
        spec: queueBackupSpecSchema
          .omit({ mode: true, incremental: true, ttlSecondsAfterFinished: true })
          .describe('Spec of the QueueBackups. A change is for those that begin later.'),
      })
      .describe('The QueueBackups that are created.'),
  })
  .describe('When backups are taken, of what, and how long they stay.');

export const queueBackupScheduleStatusSchema = z.object({
  observedGeneration: observedGenerationSchema,
  conditions: conditionsSchema,
  timetable: z
    .object({
      schedule: z.string().describe('As the spec had it.'),
      timeZone: z.string().describe('As the spec had it.'),
      since: dateTime.describe('Backups are due by it from then on: when it was first seen.'),
    })
    .optional()
    .describe('The schedule in effect.'),
  lastScheduleTime: dateTime
    .optional()
    .describe(
      'The newest time of the schedule for which a QueueBackup was created. It is not created again when it is deleted.',
    ),
  nextScheduleTime: dateTime.optional().describe('When the next backup is due. Absent: not while it is suspended.'),
  active: z
    .array(z.string())
    .max(MOST_NAMED_SLOTS)
    .optional()
    .describe('QueueBackups that have not ended, the newest ten.')
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  lastSuccessfulTime: dateTime
    .optional()
    .describe('When the newest backup that completed with all of its queues had ended.'),
  lastSuccessfulBackup: z.string().optional().describe('Its name. It may have been deleted since.'),
  lastPartialTime: dateTime
    .optional()
    .describe('When the newest backup had ended that completed without some of its queues.'),
  lastPartialBackup: z.string().optional().describe('Its name. It may have been deleted since.'),
  lastFailedTime: dateTime.optional().describe('When a backup last failed.'),
  lastFailedBackup: z.string().optional().describe('Its name. It may have been deleted since.'),
  lastVerificationTime: dateTime.optional().describe('When the newest drill was created.'),
  lastVerificationBackup: z.string().optional().describe('The backup that it restores. It is not tried again.'),
  activeVerification: z.string().optional().describe('The QueueRestore of a drill that has not ended.'),
  lastVerifiedTime: dateTime.optional().describe('When the newest drill that succeeded had ended.'),
  lastVerifiedBackup: z.string().optional().describe('The backup that it restored. It may have been deleted since.'),
  lastVerifiedDurationSeconds: count
    .optional()
    .describe('How long that took, from when the QueueRestore was seen until every job had been compared.'),
  lastVerifiedJobs: count.optional().describe('Jobs that it restored and compared.'),
  lastVerificationFailedTime: dateTime.optional().describe('When a drill last failed.'),
  lastVerificationFailedBackup: z
    .string()
    .optional()
    .describe('The backup that it was to restore. It may have been deleted since.'),
  skipped: z
    .object({
      count: count.describe('How many.'),
      latest: z
        .array(dateTime)
        .max(MOST_NAMED_SLOTS)
        .describe('The newest ten.')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
    })
    .optional()
    .describe('Times of the schedule for which no backup was taken, as nothing could begin it in time.'),
});

export type QueueBackupScheduleSpec = z.infer<typeof queueBackupScheduleSpecSchema>;
export type QueueBackupScheduleStatus = z.infer<typeof queueBackupScheduleStatusSchema>;

export interface QueueBackupSchedule {
  apiVersion: typeof API_VERSION;
  kind: 'QueueBackupSchedule';
  metadata: ObjectMeta;
  spec: QueueBackupScheduleSpec;
  status?: QueueBackupScheduleStatus;
}

/** Every reason that a QueueBackupSchedule's conditions and events give. */
export const QUEUE_BACKUP_SCHEDULE_REASONS = {
  ...COMMON_REASONS,
  Scheduled: { kind: 'ready', doc: 'Backups are taken as spec.schedule says; the message has the next time.' },
  Suspended: { kind: 'ready', doc: 'spec.suspend is true: no backup begins.' },
  WaitingForBackup: {
    kind: 'ready',
    doc: 'A backup is due, and waits until an older one of the schedule has ended, as concurrencyPolicy says; the message names it.',
  },

  BackupExists: {
    kind: 'retries',
    doc: 'A QueueBackup has the name of the backup that is due, and is not of this schedule; delete it, or rename the schedule. The next time has another name.',
  },
  ScheduleInvalid: {
    kind: 'stalled',
    doc: 'spec.schedule is no cron expression that ever comes, or spec.timeZone no time zone; the message says which. Nothing is taken and nothing deleted until it is corrected.',
  },
  VerificationExists: {
    kind: 'retries',
    doc: 'A QueueRestore has the name of the drill that is due, and is none of this schedule; delete it. The drill of the next backup has another name.',
  },

  VerificationFailed: {
    kind: 'degraded',
    doc: 'The newest drill that ended failed: the backup that the message names could not be restored, and why. It holds until one succeeds.',
  },
  VerificationCreated: { kind: 'notice', doc: 'A QueueRestore was created, to try whether a backup can be restored.' },
  BackupVerified: { kind: 'notice', doc: 'A drill succeeded: the backup was restored, compared and removed.' },
  VerificationDeleted: { kind: 'notice', doc: 'The QueueRestore of a drill was deleted: newer ones have ended.' },
  BackupFailed: {
    kind: 'degraded',
    doc: 'The newest backup that ended failed; the message names it and says why. It holds until one completes.',
  },
  BackupIncomplete: {
    kind: 'degraded',
    doc: 'The newest backup that completed does not have queues that could not be read; the message names it and them. Retention keeps the newest backups that have them. It holds until one completes with all of its queues.',
  },
  BackupOverdue: {
    kind: 'degraded',
    doc: 'Two times of the schedule have passed, an hour at least, since the one of the last backup that completed with all of its queues. See the QueueBackups of the schedule, and status.skipped.',
  },
  BackupCreated: { kind: 'notice', doc: 'A QueueBackup was created for a time of the schedule.' },
  BackupCompleted: { kind: 'notice', doc: 'A QueueBackup of the schedule completed.' },
  BackupDeleted: { kind: 'notice', doc: 'A QueueBackup was deleted, as spec.retention says.' },
  BackupsSkipped: {
    kind: 'degraded',
    doc: 'For times of the schedule no backup was taken: none could begin in time. The message says how many, and which was the newest.',
  },
} as const satisfies ReasonTable;

export type QueueBackupScheduleReason = keyof typeof QUEUE_BACKUP_SCHEDULE_REASONS;
