import { queueKey, type QueueRef } from '../redis/keys.ts';

const SUFFIX = '-dlq';

/**
 * The dead-letter queue of `queue`: `<name>-dlq` under the same prefix. On a Redis Cluster BullMQ needs a hash tag in the
 * prefix or in the name, and both queues have the same, so that one script can write to both.
 */
export function deadLetterQueue({ prefix, name }: QueueRef): QueueRef {
  return { prefix, name: `${name}${SUFFIX}` };
}

/** Whose dead-letter queue it is by its name; undefined: nobody's. */
export function letterSourceOf({ prefix, name }: QueueRef): QueueRef | undefined {
  return name.endsWith(SUFFIX) && name !== SUFFIX ? { prefix, name: name.slice(0, -SUFFIX.length) } : undefined;
}

/**
 * The id of a dead letter, `<queue>.<id>.<finishedOn>`: a job that dies again does not meet its old copy. BullMQ forbids
 * `:` in ids and yet gives it to those of job schedulers; it is written as `%3A`.
 */
export function letterId(queue: QueueRef, jobId: string, finishedOn: number): string {
  return `${queue.name}.${jobId.replaceAll('%', '%25').replaceAll(':', '%3A')}.${finishedOn}`;
}

/** The `meta` of both queues, as the scripts that write to them expect it. */
export function metaKeys(queue: QueueRef): [string, string] {
  return [queueKey(queue, 'meta'), queueKey(deadLetterQueue(queue), 'meta')];
}
