import { z } from 'zod';
import { backupEncryptionSchema, backupStorageSchema } from './backup-storage.ts';
import { celRules } from './cel.ts';
import { incrementalSchema, incrementalStatusSchema } from './incremental-backup.ts';
import {
  type API_VERSION,
  conditionsSchema,
  GROUP,
  observedGenerationSchema,
  type ObjectMeta,
  VERSION,
} from './meta.ts';
import {
  activeDeadlineSecondsSchema,
  backoffLimitSchema,
  count,
  dateTime,
  DEFAULT_BACKOFF_LIMIT,
  jobsPerSecondSchema,
  phaseSchema,
  progressSchema,
  ttlSecondsAfterFinishedSchema,
} from './run-fields.ts';

/** Where the API server serves QueueBackups. */
export const QUEUE_BACKUPS = {
  group: GROUP,
  version: VERSION,
  plural: 'queuebackups',
  kind: 'QueueBackup',
  namespaced: true,
} as const;

/** Queues of one backup; their dead-letter queues are not counted. */
export const MOST_QUEUES = 100;

const labelValue = z.string().max(63);

const selectorSchema = z.object({
  matchLabels: z
    .record(z.string(), labelValue)
    .optional()
    .describe('Labels that a Queue has to have.')
    .meta({ maxProperties: 20 }),
  matchExpressions: z
    .array(
      z.object({
        key: z.string().min(1).max(317).describe('Key of the label.'),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How it is compared.'),
        values: z
          .array(labelValue)
          .max(100)
          .optional()
          .describe('Values, for In and NotIn.')
          .meta({ 'x-kubernetes-list-type': 'atomic' }),
      }),
    )
    .max(20)
    .optional()
    .describe('Conditions that all have to hold.')
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
});

export type QueueSelector = z.infer<typeof selectorSchema>;

/** Rules across fields, at the root of the object. */
export const QUEUE_BACKUP_MODE_RULES = [
  {
    rule: "!has(self.spec.incremental) || self.spec.mode == 'Incremental'",
    message: 'incremental is for the mode Incremental; set mode, or remove incremental',
    fieldPath: '.spec.incremental',
  },
  {
    rule: "self.spec.mode != 'Incremental' || !has(self.spec.activeDeadlineSeconds) && !has(self.spec.ttlSecondsAfterFinished)",
    message:
      'an incremental backup goes on until it is deleted; remove activeDeadlineSeconds and ttlSecondsAfterFinished',
    fieldPath: '.spec.mode',
  },
  {
    rule: `self.spec.mode != 'Incremental' || self.spec.backoffLimit == ${DEFAULT_BACKOFF_LIMIT}`,
    message: 'an incremental backup is tried again for as long as it is there; remove backoffLimit',
    fieldPath: '.spec.backoffLimit',
  },
];

export const queueBackupSpecSchema = z
  .object({
    mode: z
      .enum(['Full', 'Incremental'])
      .default('Full')
      .describe(
        'Full: one backup, of one instant. Incremental: one point after the other until the object is deleted, each with what changed since the one before, any of which can be restored; immutable.',
      ),
    incremental: incrementalSchema
      .optional()
      .describe('How often points are taken, and how long they stay, with the mode Incremental. Absent: the defaults.'),
    queues: z
      .object({
        names: z
          .array(z.string().min(1).max(253))
          .min(1)
          .max(MOST_QUEUES)
          .optional()
          .describe('Names of Queues, each of which has to exist.')
          .meta({ 'x-kubernetes-list-type': 'set' }),
        selector: selectorSchema
          .optional()
          .describe(`Labels of Queues, ${MOST_QUEUES} at most; {} selects all of the namespace.`),
      })
      .meta(
        celRules({
          rule: 'has(self.names) != has(self.selector)',
          message: 'queues are given either by names or by a selector; set one of them',
        }),
      )
      .describe('Queues of the same namespace; immutable.'),
    deadLetters: z
      .boolean()
      .default(true)
      .describe('Whether dead-letter queues go along with the Queues whose dlqPolicy is enabled; immutable.'),
    storage: backupStorageSchema.describe('Where the backup is written to; immutable.'),
    encryption: backupEncryptionSchema
      .optional()
      .describe(
        'The key of the backup, which is encrypted before it leaves the controller; immutable. Absent: it is not.',
      ),
    jobsPerSecond: jobsPerSecondSchema.describe(
      'Jobs that are read per second at most, of one queue after the other; immutable. Absent: as many as Redis gives beside its workers.',
    ),
    activeDeadlineSeconds: activeDeadlineSecondsSchema,
    backoffLimit: backoffLimitSchema,
    deletionPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe(
        'What happens in the storage when this object is deleted. Delete removes the backup; while the storage cannot be reached for 5 minutes, it stays and the object goes.',
      ),
    ttlSecondsAfterFinished: ttlSecondsAfterFinishedSchema,
  })
  .describe(
    'What is backed up, and where to; all but deletionPolicy, incremental and ttlSecondsAfterFinished is immutable.',
  );

const bytes = z.int().min(0);

/** Jobs of a queue, by the states of BullMQ. */
export const jobsByStateSchema = z.object({
  waiting: count.describe('Jobs in line.'),
  active: count.describe('Jobs that ran.'),
  delayed: count.describe('Jobs for later.'),
  prioritized: count.describe('Jobs in line by priority.'),
  waitingChildren: count.describe('Flow parents that wait for children.'),
  completed: count.describe('Jobs that completed.'),
  failed: count.describe('Jobs that failed.'),
});

/** Of a message in a list, in UTF-16 units. */
export const LONGEST_LEFT_OUT_TEXT = 512;

/** A queue that a backup was to have and does not have. */
export const queueLeftOutSchema = z.object({
  name: z.string().describe('As the backup would name it.'),
  reason: z.string().describe('Why it could not be read, as the conditions would say it.'),
  message: z.string().describe('The same in words, with the way out.'),
  since: dateTime
    .optional()
    .describe(
      'Of an incremental backup: when the first point was begun that does not have it, by the clock of the controller. Points before may have it.',
    ),
});

export type QueueLeftOut = z.infer<typeof queueLeftOutSchema>;

export const queueBackupStatusSchema = z.object({
  observedGeneration: observedGenerationSchema,
  conditions: conditionsSchema,
  phase: phaseSchema.optional().describe('Where it is. Completed and Failed are its ends.'),
  startTime: dateTime.optional().describe('When the controller first saw it.'),
  completionTime: dateTime.optional().describe('When it ended, completed or failed.'),
  failures: count
    .optional()
    .describe('Runs that failed, of an incremental backup since its newest point. Absent: none.'),
  lastFailureTime: dateTime.optional().describe('When the last of them did.'),
  removalBlockedSince: dateTime
    .optional()
    .describe(
      'Since when something has stood in the way of the removal of what it has in the storage, which is given up after a while. Absent: nothing has.',
    ),
  progress: progressSchema.optional().describe('What the run is at. Absent: none is under way.'),
  queues: z
    .array(
      z.object({
        name: z
          .string()
          .describe('As the backup names it: the name of the Queue, for its dead letters with _dlq after it.'),
        snapshotAt: dateTime.describe("The instant of the backup, by Redis' clock."),
        consistent: z
          .boolean()
          .describe(
            'Whether all indexes are of that one instant; otherwise jobs that moved meanwhile are as they were last seen.',
          ),
        jobs: jobsByStateSchema.describe('Jobs in the backup, by state.'),
        bytes: bytes.describe('Size as records, in bytes.'),
        storedBytes: bytes.describe('Size as stored, compressed.'),
        sha256: z.string().describe('SHA-256 over those of its parts.'),
        redisVersion: z.string().optional().describe('The product and version that the server reported.'),
      }),
    )
    .max(2 * MOST_QUEUES)
    .optional()
    .describe('What the backup has, an incremental one in its newest point.')
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  leftOut: z
    .array(queueLeftOutSchema)
    .max(2 * MOST_QUEUES)
    .optional()
    .describe(
      'Queues that it was to have and that could not be read, of an incremental backup for its newest point. Absent: none.',
    )
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  incremental: incrementalStatusSchema
    .optional()
    .describe('The points of an incremental backup. Absent: none is complete.'),
  jobs: count.optional().describe('Jobs in the backup, each counted once.'),
  bytes: bytes
    .optional()
    .describe('Size of all queues as records, in bytes; of an incremental backup, of its newest point.'),
  storedBytes: bytes.optional().describe('Size of all queues as stored; of an incremental backup, of all its points.'),
  location: z.string().optional().describe('Where it lies, for people.'),
  directory: z
    .string()
    .optional()
    .describe(
      'Its folder in the storage, of an incremental backup that of the newest point, for QueueRestore.spec.from.directory.',
    ),
  formatVersion: z.int().optional().describe('Version of the format: docs/backup-format.md.'),
  manifestSha256: z.string().optional().describe('SHA-256 of its manifest.'),
});

export type QueueBackupSpec = z.infer<typeof queueBackupSpecSchema>;
export type QueueBackupStatus = z.infer<typeof queueBackupStatusSchema>;
export type JobsByState = z.infer<typeof jobsByStateSchema>;

export interface QueueBackup {
  apiVersion: typeof API_VERSION;
  kind: 'QueueBackup';
  metadata: ObjectMeta;
  spec: QueueBackupSpec;
  status?: QueueBackupStatus;
}
