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

type Access = Extract<RedisAccess, { ok: true }>;

export interface ClaimantSources {
  readonly secrets: SecretSources;
  /** Tries whether the target's user may claim the queue. Never throws. */
  readonly tryLogin: (access: Access) => Promise<Login>;
}

/**
 * Other live objects with the same queue on the same server, oldest first, whichever user they log in as. One whose
 * Secret cannot be read claims nothing yet, and neither does one that Redis refuses: else who has no password could take
 * a queue out of governance.
 *
 * @param others Queue objects of the same prefix and name; `queue` itself may be among them.
 * @param access how `queue` reaches Redis, which accepted it.
 */
export async function findClaimants(
  queue: Queue,
  others: readonly Queue[],
  access: { readonly target: RedisTarget; readonly targetKey: string },
  { secrets, tryLogin }: ClaimantSources,
): Promise<Claimant[]> {
  const server = serverOf(access.target);
  const found = others
    .flatMap((other) => {
      const { metadata, spec } = other;
      if (metadata.uid === queue.metadata.uid || metadata.deletionTimestamp) return [];
      if (spec.adoptionPolicy === 'Observe') return [];
      const way = resolveRedis(other, 'controller', secrets);
      return way.ok && serverOf(way.target) === server ? [{ other, way }] : [];
    })
    .toSorted((a, b) => (comesBefore(a.other.metadata, b.other) ? -1 : 1));
  const logins = new Map<string, Promise<Login>>([[access.targetKey, Promise.resolve('accepted')]]);
  for (const { way } of found) {
    if (logins.size > MAX_TRIED) break;
    if (!logins.has(way.targetKey)) logins.set(way.targetKey, tryLogin(way));
  }
  return await Promise.all(
    found.map(async ({ other, way }) => {
      const { namespace = '', name, creationTimestamp = '' } = other.metadata;
      return { namespace, name, creationTimestamp, login: (await logins.get(way.targetKey)) ?? 'unknown' };
    }),
  );
}

/**
 * Older first. creationTimestamp counts whole seconds (and sorts as text, being always UTC); within the same second
 * namespace and name decide: an order that all agree on.
 */
export function comesBefore(
  other: Pick<Queue['metadata'], 'namespace' | 'name' | 'creationTimestamp'>,
  { metadata }: Queue,
): boolean {
  const [theirs = '', ours = ''] = [other.creationTimestamp, metadata.creationTimestamp];
  if (theirs !== ours) return theirs < ours;
  return `${other.namespace}/${other.name}` < `${metadata.namespace}/${metadata.name}`;
}
