export { BackupWriter, type BackupOptions, type FinishedBackup } from './backup/backup-writer.ts';
export { listBackups, type ListedBackup } from './backup/list-backups.ts';
export type { RecordBatch } from './backup/merge-records.ts';
export { openBackup, type ChainTotals, type OpenBackup } from './backup/open-backup.ts';
export type { QueueSummary, QueueWriter } from './backup/queue-writer.ts';
export { readChain, readPoint, type ChainPoint, type OpenOptions } from './backup/read-chain.ts';
export {
  removeBackup,
  removeBackupsBelow,
  removeChain,
  removePoint,
  type RemovalOptions,
} from './backup/remove-backup.ts';
export type { KeyWrapper } from './encryption/key-wrapper.ts';
export type { KmsOptions, KmsSpec } from './encryption/kms-client.ts';
export { kmsKey } from './encryption/kms-key.ts';
export { secretKeys } from './encryption/secret-keys.ts';
export { BackupDamagedError, type DamageReason } from './errors/backup-damaged-error.ts';
export { BackupKeyError, type KeyReason } from './errors/backup-key-error.ts';
export { BackupTooLargeError } from './errors/backup-too-large-error.ts';
export { BackupVersionError } from './errors/backup-version-error.ts';
export { DirectoryNotEmptyError } from './errors/directory-not-empty-error.ts';
export { RecordTooLargeError } from './errors/record-too-large-error.ts';
export { chainFolder, MAX_CHAIN_POINTS, pointFolder, queueDirectory } from './manifest/layout.ts';
export { FORMAT_VERSIONS, type Manifest, type PreviousPoint, type QueueEntry } from './manifest/schema.ts';
export type { JsonRecord } from './parts/lines.ts';
export { openStorage, type OpenStorageOptions } from './storage/open-storage.ts';
export type { S3Spec, StorageSpec, VolumeSpec } from './storage/storage-spec.ts';
export { parseStorageUrl } from './storage/storage-url.ts';
export { ObjectNotFoundError, StorageError, type Storage, type StorageReason } from './storage/storage.ts';
