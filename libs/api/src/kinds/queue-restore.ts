import { z } from 'zod';
import { backupEncryptionSchema, readStorageSchema, storagePathSchema } from './backup-storage.ts';
import { celRules } from './cel.ts';
import {
  type API_VERSION,
  conditionsSchema,
  GROUP,
  localReferenceSchema,
  observedGenerationSchema,
  type ObjectMeta,
  VERSION,
} from './meta.ts';
import { MOST_QUEUES, queueLeftOutSchema } from './queue-backup.ts';
import {
  activeDeadlineSecondsSchema,
  backoffLimitSchema,
  count,
  dateTime,
  jobsPerSecondSchema,
  phaseSchema,
  progressSchema,
  ttlSecondsAfterFinishedSchema,
} from './run-fields.ts';
import { scratchSchema } from './scratch.ts';

/** Where the API server serves QueueRestores. */
export const QUEUE_RESTORES = {
  group: GROUP,
  version: VERSION,
  plural: 'queuerestores',
  kind: 'QueueRestore',
  namespaced: true,
} as const;

/**
 * On a Queue, with the id of a restore that has left its queue paused and is gone: the queue-controller finishes it, with
 * the jobs that are there, or removes what it has not put in its place.
 */
export const END_RESTORE_ANNOTATION = `${GROUP}/end-restore`;

/** Differences, and flow links that were cut, that a status shows of a queue. */
export const MOST_SHOWN = 20;

export const queueRestoreSpecSchema = z
  .object({
    from: z
      .object({
        backup: localReferenceSchema
          .extend({
            at: dateTime
              .optional()
              .describe(
                'Restore the newest point of an incremental backup in which none of the queues that are restored was read after this time, in RFC 3339, by the clock of their Redis. Absent: the newest.',
              ),
          })
          .optional()
          .describe('A QueueBackup that is complete, or an incremental one with a point.'),
        storage: readStorageSchema.optional().describe('Where a backup lies of which this cluster has no QueueBackup.'),
        directory: storagePathSchema
          .optional()
          .describe('Its folder there, as status.directory of its QueueBackup had it.'),
        encryption: backupEncryptionSchema.optional().describe('Its key. Absent: it is not encrypted.'),
      })
      .meta(
        celRules(
          {
            rule: 'has(self.backup) != has(self.storage)',
            message: 'a restore is either from a backup or from a storage; set one of them',
          },
          {
            rule: 'has(self.directory) == has(self.storage)',
            message: 'storage and directory say together where a backup lies; set both, or backup alone',
            fieldPath: '.directory',
          },
          {
            rule: '!has(self.encryption) || has(self.storage)',
            message: 'the key of a QueueBackup is the one that its spec names; remove encryption',
            fieldPath: '.encryption',
          },
        ),
      )
      .describe('The backup; immutable.'),
    queues: z
      .array(
        z.object({
          name: z.string().min(1).max(253).describe('The queue, as status.queues of the backup names it.'),
          to: z
            .object({
              queue: z
                .string()
                .min(1)
                .max(253)
                .describe(
                  'The Queue, in the same namespace, into which it is restored; dead letters, whose name ends in _dlq, into the dead-letter queue of that.',
                ),
            })
            .optional()
            .describe('Absent: the Queue of the same name.'),
        }),
      )
      .min(1)
      .max(MOST_QUEUES)
      .optional()
      .describe('Which queues; immutable. Absent: all, each into the Queue of its name.')
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    deadLetters: z
      .boolean()
      .default(true)
      .describe(
        'Restore the dead letters of each queue along with it, where the backup has them; immutable. False: those that are there stay as they are.',
      ),
    openFlows: z
      .enum(['Refuse', 'Detach'])
      .default('Refuse')
      .describe(
        'What happens when a job has its flow parent or children in a queue that is not restored. Refuse: nothing is written. Detach: the link is cut, and the rest runs without it; immutable.',
      ),
    dryRun: z
      .boolean()
      .default(false)
      .describe('Only read and check the backup, and count what would run again, in status.queues; immutable.'),
    resume: z
      .boolean()
      .default(true)
      .describe(
        'Let workers start jobs once everything is there and verified, unless the queue was paused when it was backed up. False: it stays paused, until this is set to true.',
      ),
    scratch: scratchSchema
      .optional()
      .describe(
        'A drill: everything is written under keys that no Queue can have, compared with the backup job by job, and removed; no worker ever sees it, and no Queue is written to; immutable. Absent: it is restored into Queues.',
      ),
    jobsPerSecond: jobsPerSecondSchema.describe(
      'Jobs that are written per second at most, of one queue after the other; immutable. Absent: as many as Redis takes.',
    ),
    activeDeadlineSeconds: activeDeadlineSecondsSchema,
    backoffLimit: backoffLimitSchema,
    ttlSecondsAfterFinished: ttlSecondsAfterFinishedSchema,
  })
  .describe('What is restored, and where to; all but resume and ttlSecondsAfterFinished is immutable.');

const shown = (what: string) =>
  z.array(z.string().max(512)).max(MOST_SHOWN).optional().describe(what).meta({ 'x-kubernetes-list-type': 'atomic' });

export const queueRestoreStatusSchema = z.object({
  observedGeneration: observedGenerationSchema,
  conditions: conditionsSchema,
  phase: phaseSchema.optional().describe('Where it is. Completed and Failed are its ends.'),
  startTime: dateTime.optional().describe('When the controller first saw it.'),
  completionTime: dateTime.optional().describe('When it ended, completed or failed.'),
  checkedAt: dateTime
    .optional()
    .describe('When the backup had been read from its first to its last record; nothing is written to Redis before.'),
  verifiedAt: dateTime
    .optional()
    .describe('When everything was in Redis and compared with the backup; the queues are held paused from then on.'),
  lostAt: dateTime
    .optional()
    .describe(
      'When Redis was found to have lost part of what was verified, as a failover may do: it is written and compared again before the queues are resumed. Absent: it has all of it, or that is not known.',
    ),
  resumedAt: dateTime.optional().describe('When workers could start jobs again. Absent: the queues stay paused.'),
  removedAt: dateTime.optional().describe('When nothing of a scratch restore was left in Redis.'),
  failures: count.optional().describe('Runs that failed. Absent: none.'),
  lastFailureTime: dateTime.optional().describe('When the last of them did.'),
  removalBlockedSince: dateTime
    .optional()
    .describe(
      'Since when something has stood in the way of the removal of what it has written, which is given up after a while. Absent: nothing has.',
    ),
  progress: progressSchema.optional().describe('What the run is at. Absent: none is under way.'),
  location: z.string().optional().describe('Where the backup lies, for people.'),
  directory: z
    .string()
    .optional()
    .describe('Its folder in the storage; of an incremental backup that of the point that is restored.'),
  manifestSha256: z.string().optional().describe('SHA-256 of its manifest.'),
  queues: z
    .array(
      z.object({
        name: z.string().describe('As the backup names it.'),
        queue: z
          .string()
          .describe('The Queue into which it goes; of a scratch restore, what its keys in Redis begin with.'),
        restored: count.optional().describe('Jobs that are in Redis as the backup has them, each one compared.'),
        skipped: count
          .optional()
          .describe(
            'Jobs that were left out: producers have added others of the same ids since the restore began, or the id is the name of a key of the queue. Absent: none.',
          ),
        wouldRun: count
          .optional()
          .describe('Jobs that workers start once it is resumed: waiting, prioritized, active and due ones.'),
        memoryBytes: count.optional().describe('Memory that it takes in Redis, as estimated from the backup.'),
        differences: shown('What differs from the backup, the first ones. Absent: nothing.'),
        left: z
          .boolean()
          .optional()
          .describe(
            'True: the restore ended early and had put jobs in their places, so that they stay there, and the queue stays paused. Absent: nothing of it is left.',
          ),
        detached: shown(
          'Jobs whose flow link was cut, as openFlows asked, or is restored as it is because it cannot be read; the first ones.',
        ),
      }),
    )
    .max(2 * MOST_QUEUES)
    .optional()
    .describe('What became of each queue.')
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  leftOut: z
    .array(queueLeftOutSchema.omit({ since: true }))
    .max(2 * MOST_QUEUES)
    .optional()
    .describe(
      'Queues that the backup was to have and does not have, since they could not be read then; nothing of them is restored. Absent: none of those that are wanted.',
    )
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  jobs: count
    .optional()
    .describe('Jobs that were restored, for a while or to stay, or of a dry run: that the backup has.'),
});

export type QueueRestoreSpec = z.infer<typeof queueRestoreSpecSchema>;
export type QueueRestoreStatus = z.infer<typeof queueRestoreStatusSchema>;

export interface QueueRestore {
  apiVersion: typeof API_VERSION;
  kind: 'QueueRestore';
  metadata: ObjectMeta;
  spec: QueueRestoreSpec;
  status?: QueueRestoreStatus;
}
