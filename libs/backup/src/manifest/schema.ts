import { z } from 'zod';
import { MAX_PART_BYTES, MAX_STORED_BYTES } from '../parts/part-limits.ts';
import { MAX_QUEUES } from './manifest-limits.ts';
import { POINT_FOLDER, QUEUE_DIRECTORY } from './layout.ts';

export const FORMAT = 'redis-queue-backup';

/** A reader refuses every other one. A version that only adds what readers may ignore keeps the number. */
export const FORMAT_VERSIONS = {
  /** Of a backup that is whole by itself. */
  full: 1,
  /** Of one that has of the jobs only those that changed since another. */
  increment: 2,
} as const;

/** What the id of a backup may be. */
export const BACKUP_ID = /^[A-Za-z0-9_.-]{1,128}$/;

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const about = z.record(z.string(), z.unknown());

const partSchema = z.object({
  records: z.int().min(1).max(MAX_PART_BYTES).describe('How many lines it has.'),
  bytes: z.int().min(1).max(MAX_PART_BYTES).describe('Size of its lines, so after decryption and decompression.'),
  storedBytes: z.int().min(1).max(MAX_STORED_BYTES).describe('Size of the object in the storage.'),
  sha256: sha256.describe('SHA-256 of the object in the storage.'),
  holds: z
    .enum(['jobs', 'rest'])
    .optional()
    .describe('In version 2 only, and in each part of it: whether it has the records of jobs, or all others.'),
});

const queueSchema = z.object({
  name: z.string().min(1).max(1_024).describe('Name of the queue in this backup.'),
  directory: z
    .string()
    .regex(QUEUE_DIRECTORY)
    .describe('Where its parts lie, below the directory of the backup: `<directory>/part-00001` and so on.'),
  about: about.describe('What the writer knew of the queue. Readers may ignore it.'),
  records: count.describe('Sum over its parts.'),
  bytes: count.describe('Sum over its parts.'),
  storedBytes: count.describe('Sum over its parts.'),
  sha256: sha256.describe('SHA-256 over the SHA-256 of its parts, 32 bytes each, in order.'),
  parts: z.array(partSchema).describe('In order; the first is part 1.'),
});

/** The manifest of a backup. What is unknown is ignored, so that a writer of the same version may add to it. */
export const manifestSchema = z
  .object({
    format: z.literal(FORMAT),
    formatVersion: z
      .literal(Object.values(FORMAT_VERSIONS))
      .describe('1: a full backup. 2: an increment, to be read with what it names as `previous`.'),
    backupId: z.string().regex(BACKUP_ID).describe('Of this backup alone.'),
    createdAt: z.iso.datetime().describe('When the backup was begun, by the clock of the writer.'),
    about: about.describe('What the writer knew of the backup. Readers may ignore it.'),
    encryption: z
      .object({
        algorithm: z.literal('AES-256-GCM').describe('Of the parts.'),
        keyId: z.string().min(1).max(2_048).describe('Of the key that wraps the data key.'),
        wrappedKey: z.base64().max(16_384).describe('The data key, wrapped.'),
      })
      .optional()
      .describe('Absent: the parts are not encrypted, and anybody who can write to the storage can forge the backup.'),
    previous: z
      .object({
        directory: z
          .string()
          .regex(POINT_FOLDER)
          .describe('Name of its directory, which lies beside the directory of this one.'),
        backupId: z.string().regex(BACKUP_ID).describe('Its `backupId`.'),
        manifestSha256: sha256.describe('SHA-256 of its manifest as it is stored.'),
      })
      .optional()
      .describe('In version 2 only: the backup since which the jobs have changed. It may be an increment itself.'),
    queues: z.array(queueSchema).max(MAX_QUEUES),
    integrity: z
      .object({
        algorithm: z.enum(['SHA-256', 'HMAC-SHA-256']).describe('HMAC-SHA-256 exactly when `encryption` is there.'),
        value: sha256.describe('Over this manifest without `integrity`, in canonical form.'),
      })
      .describe('What shows that the manifest is as it was written.'),
  })
  .describe('manifest.json of a backup of redis-queue, format versions 1 and 2.');

export type Manifest = z.infer<typeof manifestSchema>;
export type QueueEntry = Manifest['queues'][number];
/** The backup before an increment in its chain. */
export type PreviousPoint = NonNullable<Manifest['previous']>;

/** The manifest before it is authenticated. */
export type UnsealedManifest = Omit<Manifest, 'integrity'>;
