import type { Queue } from '@redis-queue/api';
import type { RedisErrorReason, RedisTarget, RedisCall } from '@redis-queue/bullmq';
import type { ObjectCache, Problem } from '@redis-queue/controller';
import type { QueueObject, RedisAccess } from '@redis-queue/redis-access';

/** A way to a queue's Redis that is open. */
export type OpenAccess = Extract<RedisAccess, { ok: true }>;

/** What redrives need of the controller of Queues: how it reaches what a Queue governs. */
export interface RedriveSources {
  readonly queues: Pick<ObjectCache<QueueObject>, 'get'>;
  /** How the Queue is named in owner marks. */
  readonly ownerOf: (queue: Queue) => string;
  readonly resolve: (queue: Queue) => RedisAccess;
  /** Whose answers work on the Queue waits for. */
  readonly serverOf: (queue: QueueObject) => string | undefined;
  /** Runs calls to its Redis, each with a deadline, in the share of its namespace. */
  readonly callOf: (queue: Queue, access: OpenAccess) => RedisCall;
  /** What a call threw, in words, and for how long the Redis is left alone. */
  readonly problemOf: (
    error: unknown,
    target: RedisTarget,
  ) => { readonly problem: Problem<RedisErrorReason>; readonly probeAfterMs?: number };
  /** @throws when another may lead by now. */
  readonly assertLeading: () => void;
}
