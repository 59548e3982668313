import { QUEUES, type RedisRole } from '@redis-queue/api';
import {
  SECRETS,
  type Manager,
  type ObjectCache,
  type ObjectKey,
  type Resource,
  type Watch,
} from '@redis-queue/controller';
import {
  resolveRedis,
  resolveRedisSecret,
  watchSecrets,
  type QueueObject,
  type RedisAccess,
  type SecretObject,
} from '@redis-queue/redis-access';
import type { ReadSecret, StorageSettings } from './storage-access.ts';

/** A way to a queue's Redis that is open. */
export type OpenAccess = Extract<RedisAccess, { ok: true }>;

/** What backups and restores reach Queues, Redis and storages by. */
export interface Sources {
  readonly queues: Pick<ObjectCache<QueueObject>, 'get' | 'list'>;
  readonly storage: StorageSettings;
  /** @throws when another may lead by now. */
  readonly assertLeading: () => void;
  resolve(queue: QueueObject, role: RedisRole): RedisAccess;
  /** Secrets of storages and keys: read when a run begins, and not kept. */
  secretsOf(namespace: string, signal: AbortSignal): ReadSecret;
}

/** Redis that objects other than Queues name. */
export interface NamedRedis {
  /** @param asked which object names the Secret where, for people. */
  resolveSecret(key: ObjectKey, asked: string): RedisAccess;
}

export interface WatchedSources extends Sources, NamedRedis {
  readonly queues: ObjectCache<QueueObject>;
  /** When the Secret of a Queue changes, what `keysOf` says is reconciled; and nothing is before Secrets are known. */
  secretWatches(role: RedisRole, keysOf: (queue: QueueObject) => ObjectKey[]): Watch<SecretObject>[];
}

export interface SourceSettings {
  readonly redisSecretNames: readonly string[];
  readonly storage: StorageSettings;
}

/** Starts the caches of Queues and of the Secrets of their Redis. */
export function watchSources(manager: Manager, { redisSecretNames, storage }: SourceSettings): WatchedSources {
  const queues = manager.cache<QueueObject>(QUEUES);
  const secrets = watchSecrets(manager, redisSecretNames);
  return {
    queues,
    storage,
    assertLeading: () => manager.assertLeading(),
    resolve: (queue, role) => resolveRedis(queue, role, secrets),
    resolveSecret: (key, asked) => resolveRedisSecret(key, asked, secrets),
    secretsOf: (namespace, signal) => async (name) => {
      const secret = await manager.client.get<SecretData>(SECRETS, { namespace, name }, { signal });
      return secret && (secret.data ?? {});
    },
    secretWatches: (role, keysOf) => secrets.watches(queues, [role], keysOf),
  };
}

interface SecretData extends Resource {
  readonly data?: Readonly<Record<string, string>>;
}
