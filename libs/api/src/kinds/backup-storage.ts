import { z } from 'zod';
import { celRules } from './cel.ts';
import { localReferenceSchema } from './meta.ts';

/** The key of a Secret that holds the key of backups, unless the spec names another. */
export const DEFAULT_ENCRYPTION_KEY = 'key';

/** Parts of a path that none of ours can leave: no `..`, none that is hidden, no slash at either end. */
const PATH = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/;

/** A folder below which a storage keeps backups, or the one of a backup. */
export const storagePathSchema = z.string().min(1).max(512).regex(PATH);

const regionSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9-]+$/);
const endpointSchema = z
  .string()
  .max(512)
  .regex(/^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9_./-]*)?$/);

const serverSideEncryptionSchema = z
  .object({
    algorithm: z.enum(['AES256', 'aws:kms']).describe("With keys of the service's own, or with one of AWS KMS."),
    kmsKeyId: z
      .string()
      .min(1)
      .max(2_048)
      .optional()
      .describe('Key of AWS KMS, by its id, alias or ARN. Absent: the one of the account.'),
  })
  .meta(
    celRules({
      rule: "!has(self.kmsKeyId) || self.algorithm == 'aws:kms'",
      message: 'kmsKeyId is for the algorithm aws:kms; set that, or remove it',
      fieldPath: '.kmsKeyId',
    }),
  );

const objectLockSchema = z.object({
  mode: z
    .enum(['Governance', 'Compliance'])
    .describe('Whether some users may still delete them, with a right of their own, or nobody.'),
  days: z.int().min(1).max(36_500).describe('Days for which they are held, from when each is written.'),
});

const s3Schema = z.object({
  bucket: z
    .string()
    .min(3)
    .max(63)
    .regex(/^[a-z0-9][a-z0-9.-]*[a-z0-9]$/)
    .describe('Name of the bucket, which has to exist.'),
  prefix: storagePathSchema
    .optional()
    .describe(
      "Path in the bucket below which backups lie; with the identity of the controller's pod, below the folder of the namespace. Absent: none.",
    ),
  region: regionSchema.optional().describe('Region of the bucket. Absent: us-east-1.'),
  endpoint: endpointSchema
    .optional()
    .describe('Address of an S3-compatible server, such as https://minio.example:9000. Absent: AWS.'),
  forcePathStyle: z
    .boolean()
    .optional()
    .describe(
      'Name the bucket in the path and not in the host name, as most servers but AWS want it. Absent: true with an endpoint, else false.',
    ),
  secretRef: localReferenceSchema
    .optional()
    .describe(
      "Secret with access-key-id, secret-access-key, and for temporary credentials session-token; ca.crt for a private CA. Absent: the identity of the controller's pod, where the Helm value storage.podIdentity allows that.",
    ),
  serverSideEncryption: serverSideEncryptionSchema
    .optional()
    .describe(
      'What the service encrypts objects with, beside encryption, which it does not know. Absent: as the bucket has it.',
    ),
  objectLock: objectLockSchema
    .optional()
    .describe('Objects that nobody may delete or change for a time. The bucket has to have Object Lock. Absent: none.'),
});

const storageOf = <S extends z.ZodType>(s3: S) =>
  z
    .object({
      s3: s3.optional().describe('An S3 bucket.'),
      volume: z
        .object({
          path: storagePathSchema
            .optional()
            .describe("Folder below the one of the namespace. Absent: the namespace's own."),
        })
        .optional()
        .describe('The volume that the chart of the backup-controller mounts, in a folder of the namespace.'),
    })
    .meta(
      celRules({
        rule: 'has(self.s3) != has(self.volume)',
        message: 'a storage is either s3 or volume; set one of them',
      }),
    );

/** Where backups lie: object storage, or the volume of the backup-controller. */
export const backupStorageSchema = storageOf(s3Schema);

/** The same for who only reads: without what is said of objects when they are written. */
export const readStorageSchema = storageOf(s3Schema.omit({ serverSideEncryption: true, objectLock: true }));

const kmsSchema = z.object({
  keyId: z.string().min(1).max(2_048).describe('Id, alias or ARN of the key.'),
  region: regionSchema.optional().describe('Region of the key. Absent: us-east-1.'),
  endpoint: endpointSchema
    .optional()
    .describe('Address of a service that speaks the protocol of AWS KMS. Absent: AWS.'),
  secretRef: localReferenceSchema
    .optional()
    .describe(
      "Secret with access-key-id and secret-access-key, as that of a storage. Absent: the identity of the controller's pod, where the Helm value storage.podIdentity allows that.",
    ),
});

/** With what a backup is encrypted. */
export const backupEncryptionSchema = z
  .object({
    secretRef: z
      .object({
        name: z.string().min(1).max(253).describe('Name of the Secret, in the same namespace.'),
        key: z
          .string()
          .min(1)
          .max(253)
          .regex(/^[-._A-Za-z0-9]+$/)
          .optional()
          .describe(`Key in the Secret. Absent: ${DEFAULT_ENCRYPTION_KEY}.`),
      })
      .optional()
      .describe(
        'Secret with 32 random bytes in base64, as `openssl rand -base64 32` prints them; of several lines, the first one encrypts and each opens. Who loses them loses the backups.',
      ),
    kms: kmsSchema
      .optional()
      .describe('A key of AWS KMS, which wraps the key of each backup and never leaves the service.'),
  })
  .meta(
    celRules({
      rule: 'has(self.secretRef) != has(self.kms)',
      message: 'a key is either in a Secret or in kms; set one of them',
    }),
  );

export type BackupStorage = z.infer<typeof backupStorageSchema>;
export type BackupEncryption = z.infer<typeof backupEncryptionSchema>;
