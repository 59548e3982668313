import type { Redis } from 'ioredis';
import { tryReadMarks } from './marks.ts';
import { OWNER_FIELD, parseOwner, parseOwnerMark } from './owner-mark.ts';
import { queueId, type QueueRef } from '../redis/keys.ts';

/** The Queue object in whose name a queue is written: no other one may govern it. See `governedBy`. */
export interface Governor {
  /** `namespace/name`. */
  readonly name: string;
  /** The field of `meta` that says who governs a queue. */
  readonly markField: string;
}

/** Another Queue object governs a queue than the one in whose name it is read or written. */
export class GovernedByAnotherError extends Error {
  override readonly name = 'GovernedByAnotherError';

  /** @param owner as the mark has it; absent: the mark cannot be read. */
  constructor(queue: QueueRef, governor: string, owner: string | undefined) {
    const name = owner === undefined ? undefined : parseOwner(owner);
    const who = name ? `Queue ${name.namespace}/${name.name}` : 'an object of a mark that cannot be read';
    super(
      `queue ${queueId(queue)} is not governed by Queue ${governor} but by ${who}; use that one, or see condition Ready of Queue ${governor} for how it takes the queue over`,
    );
  }
}

/** @param name `namespace/name` of the Queue object. */
export function governedBy(name: string): Governor {
  return { name, markField: OWNER_FIELD };
}

/**
 * Nobody, or the Queue object `governor`, governs the queue. Which cluster the object is of is not looked at.
 *
 * @param governor `namespace/name`.
 * @throws GovernedByAnotherError; what ioredis throws, see `classifyRedisError`.
 */
export async function assertGovernedBy(redis: Redis, queue: QueueRef, governor: string): Promise<void> {
  const [found] = await tryReadMarks(redis, [queue]);
  if (found instanceof Error) throw found;
  const mark = parseOwnerMark(found?.rawOwnerMark);
  if (mark === undefined) return;
  const owner = mark === 'unreadable' ? undefined : mark.owner;
  const name = owner === undefined ? undefined : parseOwner(owner);
  if (!name || `${name.namespace}/${name.name}` !== governor) throw new GovernedByAnotherError(queue, governor, owner);
}
