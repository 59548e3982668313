import { QUEUE_BACKUP_REASONS } from '../kinds/backup-reasons.ts';
import { API_VERSION } from '../kinds/meta.ts';
import { QUEUE_BACKUPS, queueBackupSpecSchema, queueBackupStatusSchema } from '../kinds/queue-backup.ts';
import type { KindDefinition } from './definition.ts';
import { immutableField } from './immutable.ts';
import { MESSAGE_COLUMN, RUN_NOTICES, STATE_COLUMN } from './run-columns.ts';

const IMMUTABLE = [
  'queues',
  'deadLetters',
  'storage',
  'encryption',
  'jobsPerSecond',
  'activeDeadlineSeconds',
  'backoffLimit',
];

export const queueBackupDefinition: KindDefinition = {
  kind: QUEUE_BACKUPS.kind,
  plural: QUEUE_BACKUPS.plural,
  shortName: 'rqb',
  description: 'Backs Queues up, once, as a Job runs once: their jobs in every state, job schedulers and dead letters.',
  spec: queueBackupSpecSchema,
  status: queueBackupStatusSchema,
  rules: IMMUTABLE.map((field) => immutableField(QUEUE_BACKUPS.kind, field)),
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    STATE_COLUMN,
    { name: 'Jobs', type: 'integer', jsonPath: '.status.jobs', description: 'Jobs in the backup.' },
    { name: 'Stored', type: 'integer', jsonPath: '.status.storedBytes', description: 'Size as stored, in bytes.' },
    { name: 'Completed', type: 'date', jsonPath: '.status.completionTime', description: 'How long ago it ended.' },
    { name: 'Location', type: 'string', jsonPath: '.status.location', priority: 1 },
    MESSAGE_COLUMN,
  ],
  reasons: QUEUE_BACKUP_REASONS,
  notices: RUN_NOTICES,
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
  ],
};
