import type { Redis } from 'ioredis';
import { inBatches, queueKey, type QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { DIGEST_LENGTH, NO_DIGEST, type PolicyDigest } from '../ownership/policy-digest.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';
import { splitWhenRefused } from '../connections/split.ts';

/**
 * Reads the digests of many queues, with `NO_DIGEST` for those that cannot be read. Costs Redis about 5 us per queue, and
 * sends 16 characters of each.
 *
 * @throws UnexpectedReplyError when what answers is no Redis; what ioredis throws, see `classifyRedisError`.
 */
export async function digestPolicies(redis: Redis, queues: readonly QueueRef[]): Promise<PolicyDigest[]> {
  const digests = queues.map(() => NO_DIGEST);
  const digestBatch = async (batch: readonly number[]): Promise<void> => {
    const keys = batch.map((index) => queueKey(queues[index]!, 'meta'));
    const reply = await runReadScript(redis, 'digestPolicies', keys, [OWNER_FIELD]);
    if (typeof reply !== 'string' || reply.length !== DIGEST_LENGTH * batch.length)
      throw new UnexpectedReplyError('the digests of queues are none');
    batch.forEach((index, at) => (digests[index] = reply.slice(DIGEST_LENGTH * at, DIGEST_LENGTH * (at + 1))));
  };
  await inBatches(queues, (batch) => splitWhenRefused(batch, digestBatch, () => {}));
  return digests;
}
