import type { Queue, WorkerPool } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';

/** A Queue as caches and the API server give it. */
export type QueueObject = Queue & Resource;

/** A WorkerPool as caches and the API server give it. */
export type PoolObject = WorkerPool & Resource;

/** A Secret as its cache holds it. */
export interface SecretObject extends Resource {
  /** What is read of a Redis Secret; values in base64. */
  readonly data?: Readonly<Record<string, string>>;
  /** Of all its data, that which is not held included: changes with any of it. */
  readonly digest?: string;
}
