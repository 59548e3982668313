/** Where backups lie: objects by path, written whole or not at all. */
export interface Storage {
  /** For people; holds no credentials. */
  readonly location: string;
  /** Writes one object, whole or not at all. One that exists under this path is replaced. */
  put(path: string, body: AsyncIterable<Uint8Array>, options: { signal: AbortSignal }): Promise<void>;
  /** @throws {ObjectNotFoundError} when there is no such object; {StorageError} also for one of more than `maxBytes`. */
  get(path: string, options: { signal: AbortSignal; maxBytes?: number }): AsyncIterable<Uint8Array>;
  /** Every object whose path begins with `prefix`, in no order that could be relied on. */
  list(prefix: string, options: { signal: AbortSignal }): AsyncIterable<{ path: string; bytes: number }>;
  /** Removes one object; one that does not exist is removed already. */
  remove(path: string, options: { signal: AbortSignal }): Promise<void>;
  close(): void;
}

/** Why a storage did not do what it was asked for. */
export type StorageReason =
  'StorageUnreachable' | 'StorageDenied' | 'StorageFull' | 'StorageThrottled' | 'BucketNotFound' | 'StorageFailed';

/** A storage that failed. The message names where, what was asked for and the way out, and never a credential. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly reason: StorageReason;
  /** Whether the same call may succeed later, with nothing changed by a person. */
  readonly retryable: boolean;

  constructor(reason: StorageReason, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.retryable = options.retryable;
  }
}

/** There is no object under this path. */
export class ObjectNotFoundError extends Error {
  override readonly name = 'ObjectNotFoundError';
  readonly path: string;

  constructor(path: string, location: string) {
    super(`${location} has no object ${path}`);
    this.path = path;
  }
}
