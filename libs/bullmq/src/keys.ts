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

/** One text a queue, to use as a map's key. */
export function queueId(queue: QueueRef): string {
  return `${queue.prefix}:${queue.name}`;
}

/** Queues whose keys may share a script call: in Redis Cluster a hash tag (`{…}`) decides on which node they lie. */
export function groupByHashTag(queues: readonly QueueRef[]): QueueRef[][] {
  return [...Map.groupBy(queues, (queue) => /\{.+?\}/.exec(queueId(queue))?.[0] ?? '').values()];
}
