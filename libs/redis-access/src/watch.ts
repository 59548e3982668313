import { redisSecretRef, type RedisRole } from '@redis-queue/api';
import {
  keyToString,
  keyOf,
  SECRETS,
  type Manager,
  type ObjectCache,
  type ObjectKey,
  type Watch,
} from '@redis-queue/controller';
import { boundedSecret } from './bounded-secret.ts';
import type { QueueObject, SecretObject } from './objects.ts';
import type { SecretSources } from './resolve.ts';

const BY_SECRET = 'redis-secret';

/** The permitted Secrets, kept current. */
export interface WatchedSecrets extends SecretSources {
  /** One by name. */
  readonly caches: readonly ObjectCache<SecretObject>[];
  /** Resolves when all have their first list; rejects when `signal` aborts before. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /**
   * For a controller: when a Secret changes, what depends on the Queues whose `roles` use it is reconciled. Once for each
   * set of roles.
   *
   * @param keysOf what to reconcile because of a Queue.
   */
  watches(
    queues: ObjectCache<QueueObject>,
    roles: readonly RedisRole[],
    keysOf: (queue: QueueObject) => ObjectKey[],
  ): Watch<SecretObject>[];
}

/** An informer for each name: RBAC's `resourceNames` allow to watch one Secret by its name, not a list. */
export function secretCache(manager: Manager, name: string): ObjectCache<SecretObject> {
  return manager.cache<SecretObject>(SECRETS, {
    fieldSelector: `metadata.name=${name}`,
    transform: boundedSecret,
  });
}

/** Watches the Secrets that may be read. */
export function watchSecrets(manager: Manager, names: readonly string[]): WatchedSecrets {
  const byName = new Map(names.map((name) => [name, secretCache(manager, name)]));
  const caches = [...byName.values()];
  return {
    reader: manager.name,
    permittedSecrets: new Set(names),
    secret: (key) => byName.get(key.name)?.get(key),
    caches,
    whenSynced: async (signal) => void (await Promise.all(caches.map((cache) => cache.whenSynced(signal)))),
    watches: (queues, roles, keysOf) => {
      const index = `${BY_SECRET} ${roles.join(' ')}`;
      queues.addIndex(index, (queue) => secretKeysOf(queue, roles));
      const map = (secret: SecretObject): ObjectKey[] =>
        queues.byIndex(index, keyToString(keyOf(secret))).flatMap(keysOf);
      return caches.map((cache) => ({ cache, map }));
    },
  };
}

function secretKeysOf(queue: QueueObject, roles: readonly RedisRole[]): string[] {
  const { namespace } = queue.metadata;
  const names = new Set(roles.map((role) => redisSecretRef(queue, role).name));
  const certificates = queue.spec.redis?.tls?.secretRef?.name;
  if (certificates !== undefined) names.add(certificates);
  return [...names].map((name) => keyToString({ namespace, name }));
}
