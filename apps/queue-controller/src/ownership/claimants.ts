import type { Queue } from '@redis-queue/api';
import { serverOf, type RedisTarget } from '@redis-queue/bullmq';
import { resolveRedis, type RedisAccess, type SecretSources } from '@redis-queue/redis-access';

/** Whether Redis lets the claimant claim the queue; `unknown`: it could not be found out, or was not tried. */
export type Login = 'accepted' | 'refused' | 'unknown';

/** Another Queue object of this cluster that names the same queue on the same server. It claims it once it may log in. */
export interface Claimant {
  readonly namespace: string;
  readonly name: string;
  readonly creationTimestamp: string;
  readonly login: Login;
}

/** Different credentials that one reconcile tries at most: whoever may create Queues may create thousands. */
const MAX_TRIED = 8;
/** Claimants on the same server, the oldest. What is younger than all of them claims nothing yet. */
const MAX_FOUND = 64;
/**
 * Queues of the name that one reconcile compares servers with, the oldest: half a millisecond. Most lead elsewhere where
 * the name is a popular one, and who creates many must not hide the others at once.
 */
const MAX_LOOKED_AT = 512;

type Access = Extract<RedisAccess, { ok: true }>;

export interface ClaimantSources {
  readonly secrets: SecretSources;
  /** Tries whether the target's user may claim the queue, in the share of the claimant's namespace. Never throws. */
  readonly tryLogin: (access: Access, namespace: string) => Promise<Login>;
}

/** Whether the object claims the queue that it names, if Redis lets it. */
export function mayClaim({ metadata, spec }: Queue): boolean {
  return metadata.deletionTimestamp === undefined && spec.adoptionPolicy !== 'Observe';
}

/**
 * Other live objects with the same queue on the same server, oldest first, whichever user they log in as: as far as the
 * first that Redis accepts, and the oldest 64 at most, so that a reconcile costs the same however many there are. One that
 * is not looked at is as if it were not there: it says in Redis that it claims the queue, once it could log in. One
 * whose Secret cannot be read claims nothing yet, and neither does one that Redis refuses: else who has no password could
 * take a queue out of governance.
 *
 * @param others Queue objects of the same prefix and name that may claim it, oldest first; `queue` itself may be among
 * them.
 * @param access how `queue` reaches Redis, which accepted it.
 */
export async function findClaimants(
  queue: Queue,
  others: Iterable<Queue>,
  access: { readonly target: RedisTarget; readonly targetKey: string },
  { secrets, tryLogin }: ClaimantSources,
): Promise<Claimant[]> {
  const server = serverOf(access.target);
  const logins = new Map<string, Promise<Login>>([[access.targetKey, Promise.resolve('accepted')]]);
  const found: { readonly metadata: Queue['metadata']; readonly login: Promise<Login> | Login }[] = [];
  let lookedAt = 0;
  for (const other of others) {
    const { metadata } = other;
    if (metadata.uid === queue.metadata.uid) continue;
    if (lookedAt === MAX_LOOKED_AT || found.length === MAX_FOUND) break;
    lookedAt++;
    const way = resolveRedis(other, 'controller', secrets);
    if (!way.ok || serverOf(way.target) !== server) continue;
    if (!logins.has(way.targetKey) && logins.size <= MAX_TRIED)
      logins.set(way.targetKey, tryLogin(way, metadata.namespace ?? ''));
    found.push({ metadata, login: logins.get(way.targetKey) ?? 'unknown' });
    // Who comes after it does not matter.
    if (way.targetKey === access.targetKey) break;
  }
  return await Promise.all(
    found.map(async ({ metadata: { namespace = '', name, creationTimestamp = '' }, login }) => ({
      namespace,
      name,
      creationTimestamp,
      login: await login,
    })),
  );
}

/** Those at the head of an ordered list that come before `queue`. */
export function* olderThan(queue: Queue, ordered: Iterable<Queue>): Generator<Queue> {
  for (const other of ordered) {
    if (byAge(other, queue) >= 0) return;
    yield other;
  }
}

type Aged = Pick<Queue['metadata'], 'namespace' | 'name' | 'creationTimestamp'>;

/**
 * Older first. creationTimestamp counts whole seconds (and sorts as text, being always UTC); within the same second
 * namespace and name decide: an order that all agree on.
 */
export function byAge(
  { metadata: a }: { readonly metadata: Aged },
  { metadata: b }: { readonly metadata: Aged },
): number {
  return (
    inOrder(a.creationTimestamp ?? '', b.creationTimestamp ?? '') ||
    inOrder(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`)
  );
}

function inOrder(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
