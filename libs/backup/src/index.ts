export { openStorage, type OpenStorageOptions } from './storage/open-storage.ts';
export { ObjectNotFoundError, StorageError, type Storage, type StorageReason } from './storage/storage.ts';
export type { S3Spec, StorageSpec, VolumeSpec } from './storage/storage-spec.ts';
export { parseStorageUrl } from './storage/storage-url.ts';
