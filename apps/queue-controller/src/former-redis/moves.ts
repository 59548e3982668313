import { GROUP, type Queue, type QueueStatus } from '@redis-queue/api';
import { ownMark } from '@redis-queue/bullmq';

/** A Redis that the queue has left, in which its owner mark and settings are not known to be gone. */
export type FormerRedis = NonNullable<QueueStatus['formerRedis']>[number];

/** Of one Queue. Who moves on before the first is released loses the oldest. */
export const MAX_FORMER_REDIS = 4;

/** An address as status.formerRedis has it: that Redis is gone, or is to stay as it is. */
export const FORGET_ANNOTATION = `${GROUP}/forget-former-redis`;

/** What a reconcile found out. */
export interface Found {
  /** Of the Redis that was read; absent: none was, so nothing is known of a move. */
  readonly address: string | undefined;
  /** Addresses at which nothing of this Queue is left. */
  readonly released: ReadonlySet<string>;
}

/**
 * What `status.formerRedis` is to say, oldest first. A move shows as another address than the status has, of a Redis in
 * which the queue was this Queue's; so it is found after a crash too, and the list stands in the status before anything
 * is done about it. A queue that moves back is governed there again.
 */
export function formerRedisOf(queue: Queue, { address, released }: Found, now: Date): FormerRedis[] {
  return candidates(queue, { address, released }, now).slice(-MAX_FORMER_REDIS);
}

/**
 * The one that the annotation ends, if the status lists it: an address that the queue has not left says nothing. It is not
 * tried any more.
 */
export function endedByAnnotation({ metadata, status }: Queue): FormerRedis | undefined {
  const address = metadata.annotations?.[FORGET_ANNOTATION];
  return status?.formerRedis?.find((former) => former.address === address);
}

/** Those for which the list has no room any more. */
export function forgottenRedis(queue: Queue, found: Found, now: Date): FormerRedis[] {
  return candidates(queue, found, now).slice(0, -MAX_FORMER_REDIS);
}

function candidates(queue: Queue, { address, released }: Found, now: Date): FormerRedis[] {
  const { adoptedAt, effective, formerRedis = [] } = queue.status ?? {};
  const before = effective?.redisAddress;
  const moved = address !== undefined && before !== undefined && before !== address && adoptedAt !== undefined;
  const left = moved ? [{ address: before, since: moveTime(adoptedAt, now) }] : [];
  const over = new Set([address, left[0]?.address, endedByAnnotation(queue)?.address, ...released]);
  return [...formerRedis.filter((former) => !over.has(former.address)), ...left];
}

/** When a queue is left that is left now: not before it was taken over, whatever that leader's clock said. */
function moveTime(adoptedAt: string, now: Date): string {
  const adoptedMs = Date.parse(adoptedAt);
  return new Date(Math.max(now.getTime(), Number.isNaN(adoptedMs) ? 0 : adoptedMs)).toISOString();
}

/**
 * Whether an owner mark is from before the last move. It is written anew then, so that it is another text than any mark
 * that was left behind: where both are equal, the two addresses lead to one Redis. A copy of the former Redis, as a
 * replica that was promoted, brings the old mark along.
 */
export function isOlderThanMove(queue: Queue, adoptedAt: string): boolean {
  return (queue.status?.formerRedis ?? []).some(({ since }) => adoptedAt <= since);
}

/**
 * Whether the queue is this Queue's where it is now, by a mark that was written since the last move. Before, what it left
 * is where it is governed: the new Redis may refuse to be written to, or another may govern the queue there. And an older
 * mark may be that of the former Redis, by another name of its server.
 */
export function isGovernedSince(
  queue: Queue,
  { owner, rawMark }: { readonly owner: string; readonly rawMark: string | undefined },
): boolean {
  const mark = ownMark(rawMark, owner);
  return mark !== undefined && !isOlderThanMove(queue, mark.adoptedAt);
}

/** When a queue is taken over that is taken over now: after the last move, whatever another leader's clock said. */
export function adoptionTime(queue: Queue, now: Date): string {
  const moves = (queue.status?.formerRedis ?? []).map(({ since }) => Date.parse(since) + 1);
  return new Date(Math.max(now.getTime(), ...moves.filter(Number.isFinite))).toISOString();
}
