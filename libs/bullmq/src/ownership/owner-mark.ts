import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { digestOf, NO_DIGEST, type PolicyDigest } from './policy-digest.ts';
import { OWNER_FIELD } from './owner-mark-text.ts';
import { runScript } from '../redis/scripts.ts';

export {
  formatOwner,
  formatOwnerMark,
  MANAGED_FIELDS,
  OWNER_FIELD,
  ownMark,
  parseOwner,
  parseOwnerMark,
  type ManagedField,
  type OwnerMark,
  type OwnerName,
  type QueueRemoval,
} from './owner-mark-text.ts';

/** A change of a queue's `meta` that only happens while the stored owner mark is the one that was read. */
export interface FencedWrite {
  /** The stored mark as read; undefined: none was stored. */
  readonly expected: string | undefined;
  /** The mark to store; undefined: keep; null: remove. */
  readonly mark?: string | null | undefined;
  readonly set?: Readonly<Record<string, string | number>>;
  readonly clear?: readonly string[];
  /** Of the policy as read; absent: nobody wants to know the new one. */
  readonly digest?: PolicyDigest | undefined;
}

/**
 * Applies `write` to `meta` in one step. Sent again because its reply was lost, a write that sets a mark succeeds, and
 * writes nothing.
 *
 * @returns the digest of the policy as it is now, `NO_DIGEST` when somebody else changed it since it was read; undefined
 * when somebody else changed the mark: nothing is written then.
 */
export async function writeMeta(redis: Redis, queue: QueueRef, write: FencedWrite): Promise<PolicyDigest | undefined> {
  const fields = Object.entries(write.set ?? {}).flatMap(([field, value]) => [field, value]);
  const clear = [...(write.clear ?? []), ...(write.mark === null ? [OWNER_FIELD] : [])];
  const set = write.mark ? [OWNER_FIELD, write.mark, ...fields] : fields;
  const digest = await runScript(
    redis,
    'writeMeta',
    [queueKey(queue, 'meta')],
    [OWNER_FIELD, write.expected ?? '', write.digest ?? NO_DIGEST, set.length, ...set, ...clear],
  );
  return digest === '' ? undefined : digestOf(digest);
}

/** No stored mark is this text. */
const NO_MARK = 'none';

/**
 * Tries whether the connection's user may claim the queue: runs the script that claims, for a mark that is never stored,
 * so that nothing is written.
 *
 * @throws what ioredis throws when it may not, or when Redis does not answer; see `classifyRedisError`.
 */
export async function tryToClaim(redis: Redis, queue: QueueRef): Promise<void> {
  await writeMeta(redis, queue, { expected: NO_MARK });
}
