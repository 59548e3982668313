import { createHash } from 'node:crypto';
import { helmValue, type WorkerPool } from '@redis-queue/api';
import { CONFIG_MAPS, type KubeClient, type ObjectCache, type ObjectKey, type Resource } from '@redis-queue/controller';
import type { SecretObject } from '@redis-queue/redis-access';
import type { ConfigMap } from '../kubernetes/objects.ts';
import type { Problem } from '../kubernetes/reasons.ts';
import { templateReferences } from './template/references.ts';

/** What the pods are configured with by objects that `spec.template` names. */
export interface PoolConfig {
  /** Changes with the content of any of them; undefined when the template names none that the controller may read. */
  readonly hash: string | undefined;
}

export const NO_CONFIG: PoolConfig = { hash: undefined };

/** Every namespace has this one; it belongs to the cluster and hardly ever changes: not worth a watch. */
export const WATCHED_CONFIG_MAPS = 'metadata.name!=kube-root-ca.crt';

export interface ConfigSources {
  readonly client: KubeClient;
  /** Metadata only: a cluster's ConfigMaps may be large, and few of them are a pool's. */
  readonly configMaps: ObjectCache<Resource>;
  /** Secrets that a template may name, by name; RBAC permits no other. */
  readonly templateSecrets: ReadonlyMap<string, ObjectCache<SecretObject>>;
  readonly digests: ConfigMapDigests;
}

/** Digests of the ConfigMaps that pools use, so that each content is read once. Losing them costs a read each. */
export class ConfigMapDigests {
  readonly #known = new Map<string, { resourceVersion: string | undefined; digest: string }>();

  recall({ uid = '', resourceVersion }: Resource['metadata']): string | undefined {
    const known = this.#known.get(uid);
    return known?.resourceVersion === resourceVersion ? known?.digest : undefined;
  }

  note({ metadata: { uid = '', resourceVersion }, data, binaryData }: ConfigMap): string {
    const digest = digestOf([sorted(data), sorted(binaryData)]);
    this.#known.set(uid, { resourceVersion, digest });
    return digest;
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }
}

/** Index values of a pool: the ConfigMaps and Secrets that its template names. */
export function configKeysOf(pool: WorkerPool): string[] {
  const { configMaps, secrets } = templateReferences(pool.spec.template);
  const { namespace = '' } = pool.metadata;
  return [
    ...configMaps.map((name) => configKey('ConfigMap', { namespace, name })),
    ...secrets.map((name) => configKey('Secret', { namespace, name })),
  ];
}

export function configKey(kind: 'ConfigMap' | 'Secret', { namespace = '', name }: ObjectKey): string {
  return `${kind}/${namespace}/${name}`;
}

/** The Secrets of the pool's template that the controller may not read, so that their changes go unnoticed. */
export function untrackedSecrets(
  pool: WorkerPool,
  { templateSecrets }: Pick<ConfigSources, 'templateSecrets'>,
): string[] {
  return templateReferences(pool.spec.template).secrets.filter((name) => !templateSecrets.has(name));
}

/** What the condition ConfigTracked says of them; undefined when there are none. */
export function describeUntracked(names: readonly string[]): Problem | undefined {
  if (names.length === 0) return undefined;
  const list = names.map((name) => `"${name}"`).join(', ');
  return {
    reason: 'ConfigNotTracked',
    message: `spec.template names the Secret${names.length > 1 ? 's' : ''} ${list}, which this controller may not read: pods get what they need, and a change does not replace them; add the name${names.length > 1 ? 's' : ''} to ${helmValue('workerpool-controller', 'workers.secretNames')}`,
  };
}

/**
 * The configuration of a pool's pods as it is now. What is missing counts as such: the pods wait for it, and when it
 * comes the hash is another.
 *
 * @throws ApiError, ConnectionError when a ConfigMap whose content is not known yet cannot be read.
 */
export async function readConfig(
  pool: WorkerPool,
  sources: ConfigSources,
  options: { signal?: AbortSignal } = {},
): Promise<PoolConfig> {
  const { configMaps, secrets } = templateReferences(pool.spec.template);
  const { namespace } = pool.metadata;
  const within = (name: string): ObjectKey => (namespace === undefined ? { name } : { namespace, name });
  const ofConfigMaps = await Promise.all(
    configMaps.map(async (name) => ['ConfigMap', name, await configMapDigest(within(name), sources, options)]),
  );
  const ofSecrets = secrets.flatMap((name) => {
    const cache = sources.templateSecrets.get(name);
    return cache ? [['Secret', name, secretDigest(cache.get(within(name)))]] : [];
  });
  const contents = [...ofConfigMaps, ...ofSecrets];
  if (contents.length === 0) return NO_CONFIG;
  // As for the Redis Secret: salted by the pool, too short to confirm a guess by.
  return { hash: digestOf([pool.metadata.uid ?? '', contents]).slice(0, 8) };
}

const ABSENT = 'absent';

async function configMapDigest(
  key: ObjectKey,
  { configMaps, digests, client }: ConfigSources,
  options: { signal?: AbortSignal },
): Promise<string> {
  const cached = configMaps.get(key);
  const known = cached && digests.recall(cached.metadata);
  if (known !== undefined) return known;
  // Read although the cache has none: one that was created together with the pool may not be cached yet.
  const live = await client.get<ConfigMap>(CONFIG_MAPS, key, options);
  return live ? digests.note(live) : ABSENT;
}

function secretDigest(secret: SecretObject | undefined): string {
  return secret?.digest ?? ABSENT;
}

function sorted(data: Record<string, string> = {}): [string, string][] {
  return Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function digestOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
