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
