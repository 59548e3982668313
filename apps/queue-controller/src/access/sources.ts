import type { Queue } from '@redis-queue/api';
import type { QueueRef, RedisConnections } from '@redis-queue/bullmq';
import type { ObjectCache } from '@redis-queue/controller';
import type { CircuitBreakers, QueueObject, SecretSources, WatchedSecrets } from '@redis-queue/redis-access';
import type { HolderSources } from '../ownership/holder.ts';
import type { ServerInfoCache } from './server-info.ts';

/** What the controller reads from; the API server's objects come from caches. */
export interface Sources extends HolderSources {
  /** Unique to this process: it ends when it stops leading. */
  readonly fence: string;
  readonly connections: RedisConnections;
  /** Every call to Redis goes through them, so that one that hangs fails soon, and fails for all its queues at once. */
  readonly breakers: CircuitBreakers;
  readonly secrets: SecretSources;
  /** All Queue objects of the same prefix and name that may claim it, oldest first, the asking one included. */
  claimantsOf(ref: QueueRef): Iterable<Queue>;
  readonly servers: ServerInfoCache;
  /** @throws WritesStoppedError when another may lead by now. */
  readonly assertLeading: () => void;
}

/** The sources, with the caches behind them. */
export interface WatchedSources extends Sources {
  readonly queues: ObjectCache<QueueObject>;
  readonly secrets: WatchedSecrets;
}
