/** A queue by what its keys begin with. */
export interface QueueKeyParts {
  readonly name: string;
  readonly prefix: string;
}

/** A non-empty text between the first brace of a key and the first closing one after it; it alone decides on the slot. */
const HASH_TAG = /^[^{]*\{[^}]+\}/;

/**
 * On a Redis Cluster each of BullMQ's scripts needs all keys of a queue in one slot, which a hash tag in the prefix or in
 * the name sees to.
 *
 * @throws Error that names the first queue without one, and the way out.
 */
export function requireHashTags(queues: readonly QueueKeyParts[]): void {
  const without = queues.find(({ prefix, name }) => !HASH_TAG.test(`${prefix}:${name}`));
  if (without === undefined) return;
  throw new Error(
    `queue ${without.name} with the prefix ${without.prefix} has no hash tag, and a Redis Cluster would spread its keys over nodes; give its Queue a spec.redis.prefix such as "{${without.prefix}}", or a queueName such as "{${without.name}}", and its producers the same`,
  );
}
