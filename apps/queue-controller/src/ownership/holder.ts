import { keepsDeadLetters, type Queue } from '@redis-queue/api';
import {
  deadLetterQueue,
  parseOwner,
  parseOwnerMark,
  queueId,
  type ObservedPolicy,
  type QueueRef,
} from '@redis-queue/bullmq';
import type { ObjectKey } from '@redis-queue/controller';
import { queueRef } from '@redis-queue/redis-access';
import type { ObservedDeadLetters } from './dead-letter-steps.ts';
import type { HolderState } from './ownership.ts';

/** By what it is found out what became of the object that an owner mark names. */
export interface HolderSources {
  /** Of this cluster, in owner marks. */
  readonly clusterId: string;
  /** Asks the API server itself. @returns undefined when RBAC does not permit it */
  readQueue(key: ObjectKey, signal?: AbortSignal): Promise<Queue | 'gone' | undefined>;
}

/** Whether the object that the mark names still claims this queue; asked of the API server, as caches lag behind. */
export async function readHolder(
  queue: Queue,
  rawMark: string | undefined,
  sources: HolderSources,
  signal: AbortSignal | undefined,
): Promise<HolderState | undefined> {
  const mark = parseOwnerMark(rawMark);
  return mark && mark !== 'unreadable' ? await readOwner(queue, mark.owner, sources, signal) : undefined;
}

/** With what became of the object that the mark names, which only stands in the way as a Queue of that name. */
export async function withHolder(
  queue: Queue,
  read: ObservedDeadLetters,
  sources: HolderSources,
  signal: AbortSignal | undefined,
): Promise<ObservedDeadLetters> {
  const mark = parseOwnerMark(read.policy?.rawOwnerMark);
  if (!mark || mark === 'unreadable') return read;
  const holder = await readOwner(queue, mark.owner, sources, signal, deadLetterQueue(queueRef(queue)));
  return holder === undefined ? read : { ...read, holder };
}

/**
 * The claims in Redis whose objects are gone, so that nobody waits for them: the few that there may be, asked of the API
 * server. One that cannot be read stands.
 */
export async function deadClaimsOf(
  queue: Queue,
  { claims = [] }: ObservedPolicy,
  sources: HolderSources,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const states = await Promise.all(claims.map(({ owner }) => readOwner(queue, owner, sources, signal)));
  return claims.filter((_, index) => states[index] === 'gone').map(({ stored }) => stored);
}

/** As what an object names the queue in Redis; undefined: it does not. */
function namedAs(ref: QueueRef, object: Queue): 'claims' | 'deadLetters' | undefined {
  const own = queueRef(object);
  if (queueId(own) === queueId(ref)) return 'claims';
  return keepsDeadLetters(object.spec) && queueId(deadLetterQueue(own)) === queueId(ref) ? 'deadLetters' : undefined;
}

/**
 * @param ref the queue whose owner it is. Default: that of `queue`.
 * @returns undefined for the queue's own object, and for one of another cluster.
 */
async function readOwner(
  queue: Queue,
  owner: string,
  sources: HolderSources,
  signal: AbortSignal | undefined,
  ref: QueueRef = queueRef(queue),
): Promise<HolderState | undefined> {
  const holder = parseOwner(owner);
  const { namespace, name } = queue.metadata;
  if (!holder || holder.clusterId !== sources.clusterId) return undefined;
  if (holder.namespace === namespace && holder.name === name) return undefined;
  const found = await sources.readQueue({ namespace: holder.namespace, name: holder.name }, signal);
  if (found === undefined) return 'unknown';
  const names = found === 'gone' ? undefined : namedAs(ref, found);
  if (found === 'gone' || names === undefined) return 'gone';
  return found.metadata.deletionTimestamp ? 'leaving' : names;
}
