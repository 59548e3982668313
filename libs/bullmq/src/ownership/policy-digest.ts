import { UnexpectedReplyError } from '../redis/reply.ts';

/**
 * Stands for all that a queue's policy is in Redis, the owner mark included, and for whether jobs of a paused queue wait
 * where clients before BullMQ 6 would lose them: two that are equal say that nobody has changed it in between. Only to be
 * compared.
 */
export type PolicyDigest = string;

export const DIGEST_LENGTH = 16;
/** Of a queue that cannot be read: no digest is equal to it. */
export const NO_DIGEST: PolicyDigest = '?'.repeat(DIGEST_LENGTH);

/** @throws UnexpectedReplyError unless `text` is what a script gives as a digest. */
export function digestOf(text: unknown): PolicyDigest {
  if (typeof text !== 'string' || text.length !== DIGEST_LENGTH)
    throw new UnexpectedReplyError('the digest of a queue is none');
  return text;
}
