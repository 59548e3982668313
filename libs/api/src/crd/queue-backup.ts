import { QUEUE_BACKUP_REASONS } from '../kinds/backup-reasons.ts';
import { API_VERSION } from '../kinds/meta.ts';
import {
  QUEUE_BACKUP_MODE_RULES,
  QUEUE_BACKUPS,
  queueBackupSpecSchema,
  queueBackupStatusSchema,
} from '../kinds/queue-backup.ts';
import type { KindDefinition } from './definition.ts';
import { immutableBut } from './immutable.ts';
import { MESSAGE_COLUMN, RUN_NOTICES, STATE_COLUMN } from './run-columns.ts';

export const queueBackupDefinition: KindDefinition = {
  kind: QUEUE_BACKUPS.kind,
  plural: QUEUE_BACKUPS.plural,
  shortName: 'rqb',
  description:
    'Backs Queues up, once, as a Job runs once, or one point after the other: their jobs in every state, job schedulers and dead letters.',
  spec: queueBackupSpecSchema,
  status: queueBackupStatusSchema,
  rules: [
    ...QUEUE_BACKUP_MODE_RULES,
    ...immutableBut(QUEUE_BACKUPS.kind, queueBackupSpecSchema, [
      'deletionPolicy',
      'incremental',
      'ttlSecondsAfterFinished',
    ]),
  ],
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    STATE_COLUMN,
    { name: 'Jobs', type: 'integer', jsonPath: '.status.jobs', description: 'Jobs in the backup.' },
    { name: 'Stored', type: 'integer', jsonPath: '.status.storedBytes', description: 'Size as stored, in bytes.' },
    { name: 'Completed', type: 'date', jsonPath: '.status.completionTime', description: 'How long ago it ended.' },
    {
      name: 'Last-Point',
      type: 'date',
      jsonPath: '.status.incremental.lastPointTime',
      description: 'How old the newest point of an incremental backup is.',
    },
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode', priority: 1 },
    { name: 'Location', type: 'string', jsonPath: '.status.location', priority: 1 },
    MESSAGE_COLUMN,
  ],
  reasons: QUEUE_BACKUP_REASONS,
  notices: [
    ...RUN_NOTICES,
    {
      type: 'BehindSchedule',
      meaning:
        'the newest point of an incremental backup was complete only when the next one was due already. Present only while True.',
    },
  ],
  examples: [
    {
      title: 'Two queues into a bucket, encrypted; the backup goes with the object:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueBackup',
        metadata: { name: 'before-the-move' },
        spec: {
          queues: { names: ['emails', 'invoices'] },
          storage: { s3: { bucket: 'shop-backups', region: 'eu-central-1', secretRef: { name: 'backup-storage' } } },
          encryption: { secretRef: { name: 'backup-key' } },
          deletionPolicy: 'Delete',
        },
      },
    },
    {
      title: 'All queues of a team onto the volume of the backup-controller:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueBackup',
        metadata: { name: 'crm-today' },
        spec: {
          queues: { selector: { matchLabels: { team: 'crm' } } },
          storage: { volume: {} },
          ttlSecondsAfterFinished: 604_800,
        },
      },
    },
    {
      title: 'What changed each half a minute, to go back to any of these points for two days:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueBackup',
        metadata: { name: 'crm-always' },
        spec: {
          mode: 'Incremental',
          incremental: { every: '30s', fullEvery: '2h', keep: '2d' },
          queues: { selector: { matchLabels: { team: 'crm' } } },
          storage: { s3: { bucket: 'crm-backups', region: 'eu-central-1', secretRef: { name: 'backup-storage' } } },
          encryption: { secretRef: { name: 'backup-key' } },
        },
      },
    },
  ],
};
