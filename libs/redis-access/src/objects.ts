import type { Queue, WorkerPool } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';

/** A Queue as caches and the API server give it. */
export type QueueObject = Queue & Resource;

/** A WorkerPool as caches and the API server give it. */
export type PoolObject = WorkerPool & Resource;

/** The part of a Secret that is read. */
export interface SecretObject extends Resource {
  /** Values in base64. */
  readonly data?: Readonly<Record<string, string>>;
}
