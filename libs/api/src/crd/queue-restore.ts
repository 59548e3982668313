import { QUEUE_RESTORE_REASONS } from '../kinds/backup-reasons.ts';
import type { ValidationRule } from '../kinds/cel.ts';
import { API_VERSION } from '../kinds/meta.ts';
import { QUEUE_RESTORES, queueRestoreSpecSchema, queueRestoreStatusSchema } from '../kinds/queue-restore.ts';
import type { KindDefinition } from './definition.ts';
import { immutableBut } from './immutable.ts';
import { MESSAGE_COLUMN, RUN_NOTICES, STATE_COLUMN } from './run-columns.ts';

/** What makes no sense where nothing stays. */
const SCRATCH_RULES: ValidationRule[] = [
  {
    rule: '!has(self.spec.scratch) || !self.spec.dryRun',
    message: 'a dry run writes nothing, so it needs no scratch; remove one of them',
    fieldPath: '.spec.dryRun',
  },
  {
    rule: '!has(self.spec.scratch) || self.spec.resume',
    message: 'what a scratch restore writes is removed and never resumed; remove resume',
    fieldPath: '.spec.resume',
  },
  {
    rule: '!has(self.spec.scratch) || !has(self.spec.queues) || self.spec.queues.all(queue, !has(queue.to))',
    message: 'a scratch restore writes into no Queue; remove to',
    fieldPath: '.spec.queues',
  },
];

export const queueRestoreDefinition: KindDefinition = {
  kind: QUEUE_RESTORES.kind,
  plural: QUEUE_RESTORES.plural,
  shortName: 'rqrs',
  description:
    'Restores queues of a backup into empty queues, once, as a Job runs once: verified job by job, and then resumed.',
  spec: queueRestoreSpecSchema,
  status: queueRestoreStatusSchema,
  rules: [
    ...immutableBut(QUEUE_RESTORES.kind, queueRestoreSpecSchema, ['resume', 'ttlSecondsAfterFinished']),
    ...SCRATCH_RULES,
  ],
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    STATE_COLUMN,
    { name: 'Jobs', type: 'integer', jsonPath: '.status.jobs', description: 'Jobs that were restored.' },
    {
      name: 'Resumed',
      type: 'date',
      jsonPath: '.status.resumedAt',
      description: 'How long ago workers could start jobs.',
    },
    { name: 'Dry-Run', type: 'boolean', jsonPath: '.spec.dryRun', priority: 1 },
    {
      name: 'Verified',
      type: 'date',
      jsonPath: '.status.verifiedAt',
      priority: 1,
      description: 'How long ago every job had been compared with the backup.',
    },
    { name: 'Location', type: 'string', jsonPath: '.status.location', priority: 1 },
    MESSAGE_COLUMN,
  ],
  reasons: QUEUE_RESTORE_REASONS,
  notices: RUN_NOTICES,
  examples: [
    {
      title: 'What would run again, without writing anything:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueRestore',
        metadata: { name: 'try-the-move' },
        spec: { from: { backup: { name: 'before-the-move' } }, dryRun: true },
      },
    },
    {
      title: 'One queue into a Queue at another Redis; it stays paused until somebody has looked at it:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueRestore',
        metadata: { name: 'emails-to-the-new-redis' },
        spec: {
          from: { backup: { name: 'before-the-move' } },
          queues: [{ name: 'emails', to: { queue: 'emails-new' } }],
          resume: false,
        },
      },
    },
    {
      title: 'As an incremental backup had it at a quarter past nine:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueRestore',
        metadata: { name: 'before-the-mistake' },
        spec: { from: { backup: { name: 'crm-always', at: '2026-11-29T09:15:00Z' } } },
      },
    },
    {
      title: 'A drill: everything is written beside the queues, in another Redis, compared, and removed:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueRestore',
        metadata: { name: 'drill' },
        spec: { from: { backup: { name: 'before-the-move' } }, scratch: { secretRef: { name: 'redis-scratch' } } },
      },
    },
    {
      title: 'From a bucket, in a cluster that has lost its objects:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueRestore',
        metadata: { name: 'after-the-fire' },
        spec: {
          from: {
            storage: { s3: { bucket: 'shop-backups', region: 'eu-central-1', secretRef: { name: 'backup-storage' } } },
            directory: 'shop/before-the-move-1b9d6bcd/20261129T104200Z-7f3a',
            encryption: { secretRef: { name: 'backup-key' } },
          },
        },
      },
    },
  ],
};
