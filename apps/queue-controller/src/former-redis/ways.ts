import type { Queue } from '@redis-queue/api';
import { addressOf, connectionKey, type RedisTarget } from '@redis-queue/bullmq';
import type { ObjectMemory } from '@redis-queue/controller';
import { readCertificateSecret, readSecret, type SecretSources } from '@redis-queue/redis-access';
import { MAX_FORMER_REDIS } from './moves.ts';

/** A Redis with credentials. */
export interface Way {
  readonly target: RedisTarget;
  readonly targetKey: string;
}

/** Credentials that one attempt tries: a namespace may have several Secrets that lead to one server. */
const MAX_TRIED = 3;

/**
 * With which credentials each queue was read, for as long as this process lives: its Secret has no others once it leads
 * elsewhere. A few per queue.
 */
export class FormerTargets implements ObjectMemory {
  readonly #targets = new Map<string, readonly RedisTarget[]>();

  /** The queue was read at `target`. What it does not need any more is forgotten. */
  remember({ metadata: { uid = '' }, status }: Queue, target: RedisTarget): void {
    const known = this.#targets.get(uid);
    if (known?.length === 1 && known[0] === target) return;
    const address = addressOf(target);
    const left = [...(status?.formerRedis ?? []).map((former) => former.address), status?.effective?.redisAddress];
    const others = (known ?? []).filter((each) => addressOf(each) !== address && left.includes(addressOf(each)));
    this.#targets.set(uid, [target, ...others].slice(0, 1 + MAX_FORMER_REDIS));
  }

  /** The last one that led to that address. */
  of({ metadata: { uid = '' } }: Queue, address: string): RedisTarget | undefined {
    return this.#targets.get(uid)?.find((target) => addressOf(target) === address);
  }

  forget(uid: string): void {
    this.#targets.delete(uid);
  }
}

/**
 * With what to log in at an address that the queue's own Secret does not lead to any more: what it led to before, as far
 * as this process has seen it, and every Secret of the namespace that may be read and leads there. Never with what is
 * for another server: who holds the former address now would get to know it.
 */
export function waysTo(
  queue: Queue,
  address: string,
  { remembered, secrets }: { readonly remembered: FormerTargets; readonly secrets: SecretSources },
): Way[] {
  const before = remembered.of(queue, address);
  const { namespace } = queue.metadata;
  const { tls } = queue.spec.redis ?? {};
  const certificates = tls?.secretRef && secrets.secret({ namespace, name: tls.secretRef.name });
  const known = certificates && readCertificateSecret(certificates);
  const proof = typeof known === 'string' ? undefined : known;
  const ofSecrets = [...secrets.permittedSecrets].flatMap((name): Way[] => {
    const secret = secrets.secret({ namespace, name });
    const read = secret && readSecret(secret, tls, proof);
    return read?.ok && addressOf(read.target) === address ? [read] : [];
  });
  const ways = [...(before ? [{ target: before, targetKey: connectionKey(before) }] : []), ...ofSecrets];
  return [...new Map(ways.map((way) => [way.targetKey, way])).values()].slice(0, MAX_TRIED);
}
