import {
  helmValue,
  keysReservedFor,
  queueName,
  queuePrefix,
  redisSecretRef,
  SCRATCH_PREFIX,
  type Queue,
  type RedisRole,
} from '@redis-queue/api';
import { addressOf, serverOf, type RedisTarget, type TlsSpec } from '@redis-queue/bullmq';
import type { ObjectKey, Problem } from '@redis-queue/controller';
import type { SecretObject } from './objects.ts';
import { readCertificateSecret, readSecret, type CertificateSecret } from './read-secret.ts';

/** Where Secrets are read, and which ones may be. */
export interface SecretSources {
  /** The app that reads, for people: `autoscaler`. */
  readonly reader: string;
  readonly permittedSecrets: ReadonlySet<string>;
  secret(key: ObjectKey): SecretObject | undefined;
}

/** Why there is no way to a queue's Redis. Every kind that reports one of them has it in its table of reasons. */
export type RedisAccessReason =
  'PrefixReserved' | 'SecretNotPermitted' | 'SecretNotFound' | 'SecretInvalid' | 'MixedRedis';

export type RedisAccess =
  | {
      readonly ok: true;
      readonly target: RedisTarget;
      /** `connectionKey` of the target. */
      readonly targetKey: string;
      readonly secret: SecretObject;
      /** The Secret that `spec.redis.tls.secretRef` names. */
      readonly certificates?: SecretObject;
    }
  | { readonly ok: false; readonly problem: Problem<RedisAccessReason> };

/**
 * How `role` reaches the queue's Redis: from the Secret that the spec names for it, in the queue's namespace. Pure over
 * its sources, and cheap: each Secret is parsed once.
 */
export function resolveRedis(queue: Queue, role: RedisRole, sources: SecretSources): RedisAccess {
  const reserved = describeReservedPrefix(queue);
  if (reserved) return { ok: false, problem: reserved };
  const { name, field } = redisSecretRef(queue, role);
  const { namespace } = queue.metadata;
  const names = field === undefined ? `needs the default Secret ${name}` : `names Secret ${name} in ${field}`;
  const asked = `Queue ${queue.metadata.name} ${names}`;
  const { tls } = queue.spec.redis ?? {};
  const proof = tls?.secretRef && resolveCertificates({ namespace, name: tls.secretRef.name }, queue, sources);
  if (proof && 'problem' in proof) return proof;
  return resolveRedisSecret({ namespace, name }, asked, sources, tls, proof);
}

/** The certificates of the Secret that the queue's spec names. */
function resolveCertificates(
  key: ObjectKey,
  queue: Queue,
  sources: SecretSources,
): CertificateSecret | Extract<RedisAccess, { ok: false }> {
  const asked = `Queue ${queue.metadata.name} names Secret ${key.name} in spec.redis.tls.secretRef`;
  const secret = permittedSecret(key, asked, 'ca.crt, or tls.crt and tls.key', sources);
  if ('problem' in secret) return secret;
  const read = readCertificateSecret(secret);
  return typeof read === 'string' ? refuse('SecretInvalid', `Secret ${key.namespace}/${key.name}: ${read}`) : read;
}

/**
 * How the Redis of a Secret is reached.
 *
 * @param asked who asks for it, for people: `Queue emails names Secret redis in spec.redis.secretRef`.
 * @param proof the certificates for TLS, where the spec names a Secret of them.
 */
export function resolveRedisSecret(
  key: ObjectKey,
  asked: string,
  sources: SecretSources,
  tls?: TlsSpec,
  proof?: CertificateSecret,
): RedisAccess {
  const secret = permittedSecret(key, asked, 'redis-url or redis-host', sources);
  if ('problem' in secret) return secret;
  const parsed = readSecret(secret, tls, proof);
  if (!parsed.ok) return refuse(parsed.reason, `Secret ${key.namespace}/${key.name}: ${parsed.message}`);
  return { ...parsed, secret, ...(proof && { certificates: proof.secret }) };
}

/** @param keys what to create it with, for people. */
function permittedSecret(
  key: ObjectKey,
  asked: string,
  keys: string,
  sources: SecretSources,
): SecretObject | Extract<RedisAccess, { ok: false }> {
  const { namespace, name } = key;
  if (!sources.permittedSecrets.has(name)) {
    const permitted = [...sources.permittedSecrets].join(', ') || 'no Secret';
    return refuse(
      'SecretNotPermitted',
      `${asked}, which the ${sources.reader} may not read; add it to ${helmValue(sources.reader, 'redis.secretNames', { shared: true })}; now: ${permitted}`,
    );
  }
  const secret = sources.secret(key);
  return secret ?? refuse('SecretNotFound', `Secret ${namespace}/${name} does not exist; create it with ${keys}`);
}

/** Why nobody is led to the keys of this queue, whatever its Secret says; undefined: they are nobody else's. */
export function describeReservedPrefix(queue: Queue): Problem<'PrefixReserved'> | undefined {
  const reserved = keysReservedFor(queue);
  if (!reserved) return undefined;
  const { name } = queue.metadata;
  const message =
    reserved === 'bus'
      ? `Queue ${name} has spec.redis.prefix ${queuePrefix(queue)}, which belongs to the bus between autoscaler and workerpool-controller; create another Queue with another prefix`
      : `Queue ${name} is ${queuePrefix(queue)}:${queueName(queue)} in Redis, where scratch restores write and remove; create another Queue, none of whose prefix and name begins with ${SCRATCH_PREFIX}`;
  return { reason: 'PrefixReserved', message };
}

/**
 * The same for the first of several roles, once all of them lead to one server and database: what one role writes the
 * others have to see.
 *
 * @returns the target of the first role; otherwise the first problem of any role, or `MixedRedis`.
 */
export function resolveRedisOfRoles(
  queue: Queue,
  [first, ...others]: readonly [RedisRole, ...RedisRole[]],
  sources: SecretSources,
): RedisAccess {
  const access = resolveRedis(queue, first, sources);
  if (!access.ok) return access;
  for (const role of others) {
    const other = resolveRedis(queue, role, sources);
    if (!other.ok) return other;
    if (serverOf(other.target) !== serverOf(access.target))
      return refuse('MixedRedis', describeMixture(queue, [first, access.target], [role, other.target]));
  }
  return access;
}

type RoleTarget = readonly [role: RedisRole, target: RedisTarget];

function describeMixture(queue: Queue, ...ways: readonly [RoleTarget, RoleTarget]): string {
  const [one, other] = ways.map(
    ([role, target]) => `Secret ${redisSecretRef(queue, role).name} (${role}) leads to ${addressOf(target)}`,
  );
  return `${one}, but ${other}; every Secret of a Queue has to lead to the same server and database, under the same address`;
}

function refuse(reason: RedisAccessReason, message: string): Extract<RedisAccess, { ok: false }> {
  return { ok: false, problem: { reason, message } };
}
