/** Which queue, on a Redis that is known from elsewhere. */
export interface QueueRef {
  /** BullMQ's key prefix, `bull` unless chosen otherwise. */
  readonly prefix: string;
  /** The queue's name in Redis. */
  readonly name: string;
}

/** BullMQ's key of `queue` with `suffix`: `<prefix>:<name>:<suffix>`. */
export function queueKey(queue: QueueRef, suffix: string): string {
  return `${queue.prefix}:${queue.name}:${suffix}`;
}

/** One text per queue, to use as a map's key. */
export function queueId(queue: QueueRef): string {
  return `${queue.prefix}:${queue.name}`;
}

const HASH_TAG = /\{.+?\}/;

/**
 * Queues whose keys may share a script call, by their index: in Redis Cluster a hash tag (`{…}`) decides on which node
 * they lie.
 */
export function groupByHashTag(queues: readonly QueueRef[]): number[][] {
  const groups = new Map<string, number[]>();
  queues.forEach(({ prefix, name }, index) => {
    const tag = prefix.includes('{') || name.includes('{') ? (HASH_TAG.exec(`${prefix}:${name}`)?.[0] ?? '') : '';
    const group = groups.get(tag);
    if (group === undefined) groups.set(tag, [index]);
    else group.push(index);
  });
  return [...groups.values()];
}

/**
 * Whether all keys of the queue lie in one slot of a Redis Cluster, as BullMQ's scripts need it: the first brace of a key
 * is closed after at least one character.
 */
export function hasHashTag(queue: QueueRef): boolean {
  return /^[^{]*\{[^}]+\}/.test(queueId(queue));
}

/** Queues per script call: about 1 ms of Redis' time, so that nobody waits long behind it. */
export const QUEUES_PER_CALL = 50;

/**
 * Queues whose calls are under way together: neither side waits for the other, and nobody longer than about 4 ms for
 * Redis.
 */
const QUEUES_TOGETHER = 4 * QUEUES_PER_CALL;

/**
 * Runs `call` for the queues in batches of one script call each; a few batches run at a time, so that others get their
 * turn in Redis.
 *
 * @param call is given indexes of `queues`.
 */
export async function inBatches(
  queues: readonly QueueRef[],
  call: (batch: readonly number[]) => Promise<void>,
): Promise<void> {
  const batches = batchesOf(queues);
  // With a hash tag per queue, as on a Cluster, each batch is one queue, and waiting for each in turn would take long.
  const together = Math.ceil((QUEUES_TOGETHER * batches.length) / Math.max(queues.length, 1));
  const open = batches.values();
  const inTurn = async (): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- in turn is the point
    for (const batch of open) await call(batch);
  };
  await Promise.all(Array.from({ length: Math.min(Math.max(together, 2), batches.length) }, inTurn));
}

/** Indexes of the queues in batches for one script call each: ≤ 50, and each hash tag apart. */
function batchesOf(queues: readonly QueueRef[]): number[][] {
  return groupByHashTag(queues).flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / QUEUES_PER_CALL) }, (_, index) =>
      group.slice(index * QUEUES_PER_CALL, (index + 1) * QUEUES_PER_CALL),
    ),
  );
}
