import { z } from 'zod';
import { celRules } from './cel.ts';

// Prefixes of keys in Redis, and those that no Queue may have.

/** BullMQ's own default key prefix. */
export const DEFAULT_PREFIX = 'bull';
/**
 * The key prefix of the bus between autoscaler and workerpool-controller, in braces in a Redis Cluster: a Queue there
 * would govern every pool.
 */
export const RESERVED_PREFIX = 'redis-queue';
/**
 * What a part of the prefix begins with under which a scratch restore writes. Nobody's queue stands there, so no worker
 * and no controller is led to it, and all that is there may be removed.
 */
export const SCRATCH_PREFIX = 'rq-scratch-';

/** A key prefix that is none of ours. */
export const keyPrefixSchema = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[A-Za-z0-9_.{}-]+(:[A-Za-z0-9_.{}-]+)*$/)
  .meta(
    // On the field itself, so that an object that has it from before can still be changed, and deleted.
    celRules(
      {
        rule: `!self.matches('^([{]${RESERVED_PREFIX}[}]|${RESERVED_PREFIX})(:|$)')`,
        message: `${RESERVED_PREFIX} is the prefix of the bus between autoscaler and workerpool-controller; use another`,
      },
      {
        rule: `!self.matches('(^|:)${SCRATCH_PREFIX}')`,
        message: `a part of the prefix that begins with ${SCRATCH_PREFIX} is for scratch restores; use another`,
      },
    ),
  );

/** For the name of a queue: none of those under which scratch restores write. */
export const notScratch = celRules({
  rule: `!self.startsWith('${SCRATCH_PREFIX}')`,
  message: `names that begin with ${SCRATCH_PREFIX} are for scratch restores; use another`,
});

/** Whose keys those of a queue of this prefix and name would be among; undefined: nobody else's. */
export function reservedFor(prefix: string, name: string): 'bus' | 'scratch' | undefined {
  const [first] = prefix.split(':');
  if (first === RESERVED_PREFIX || first === `{${RESERVED_PREFIX}}`) return 'bus';
  return `${prefix}:${name}`.split(':').some((part) => part.startsWith(SCRATCH_PREFIX)) ? 'scratch' : undefined;
}
