import { API_VERSION } from '../kinds/meta.ts';
import {
  LONGEST_SCHEDULE_NAME,
  QUEUE_BACKUP_SCHEDULE_REASONS,
  QUEUE_BACKUP_SCHEDULES,
  queueBackupScheduleSpecSchema,
  queueBackupScheduleStatusSchema,
} from '../kinds/queue-backup-schedule.ts';
import type { KindDefinition } from './definition.ts';
import { MESSAGE_COLUMN, STATE_COLUMN } from './run-columns.ts';

export const queueBackupScheduleDefinition: KindDefinition = {
  kind: QUEUE_BACKUP_SCHEDULES.kind,
  plural: QUEUE_BACKUP_SCHEDULES.plural,
  shortName: 'rqbs',
  description: 'Creates QueueBackups by a schedule, as a CronJob creates Jobs, and deletes those that have grown old.',
  spec: queueBackupScheduleSpecSchema,
  status: queueBackupScheduleStatusSchema,
  rules: [
    {
      rule: `size(self.metadata.name) <= ${LONGEST_SCHEDULE_NAME}`,
      message: `metadata.name has to have at most ${LONGEST_SCHEDULE_NAME} characters, as the names of its backups and a label are made from it; choose a shorter one`,
    },
  ],
  columns: [
    { name: 'Schedule', type: 'string', jsonPath: '.spec.schedule' },
    { name: 'Time-Zone', type: 'string', jsonPath: '.spec.timeZone', priority: 1 },
    STATE_COLUMN,
    { name: 'Suspend', type: 'boolean', jsonPath: '.spec.suspend' },
    {
      name: 'Last-Success',
      type: 'date',
      jsonPath: '.status.lastSuccessfulTime',
      description: 'How long ago the newest backup that completed with all of its queues had ended.',
    },
    {
      name: 'Last-Verified',
      type: 'date',
      jsonPath: '.status.lastVerifiedTime',
      description: 'How long ago the newest drill that succeeded had ended.',
    },
    { name: 'Skipped', type: 'integer', jsonPath: '.status.skipped.count', priority: 1 },
    MESSAGE_COLUMN,
  ],
  reasons: QUEUE_BACKUP_SCHEDULE_REASONS,
  notices: [
    { type: 'Suspended', meaning: 'spec.suspend is true. Present only while True.' },
    {
      type: 'LastBackupFailed',
      meaning: 'no backup has completed since the last one that failed. Present only while True.',
    },
    {
      type: 'LastBackupIncomplete',
      meaning:
        'no backup has completed with all of its queues since the last one that completed without some. Present only while True.',
    },
    {
      type: 'VerificationFailed',
      meaning: 'no drill has succeeded since the last one that failed. Present only while True.',
    },
    {
      type: 'Overdue',
      meaning:
        'two times of the schedule have passed, an hour at least, since the one of the last backup that completed with all of its queues. Present only while True; not while it is suspended.',
    },
  ],
  examples: [
    {
      title:
        'Each night at two, by the clocks of Berlin; a month of backups stays, and the last good one for ever; each week one is restored into another Redis, compared, and removed:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueBackupSchedule',
        metadata: { name: 'nightly' },
        spec: {
          schedule: '0 2 * * *',
          timeZone: 'Europe/Berlin',
          startingDeadlineSeconds: 14_400,
          retention: { maxAge: '30d' },
          verify: { mode: 'Restore', every: '7d', scratch: { secretRef: { name: 'redis-scratch' } } },
          template: {
            spec: {
              queues: { selector: { matchLabels: { team: 'shop' } } },
              storage: {
                s3: { bucket: 'queue-backups', region: 'eu-central-1', secretRef: { name: 'backup-storage' } },
              },
              encryption: { secretRef: { name: 'backup-key' } },
              deletionPolicy: 'Delete',
            },
          },
        },
      },
    },
  ],
};
