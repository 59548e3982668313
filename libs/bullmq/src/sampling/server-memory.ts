import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { runReadScript } from '../redis/scripts.ts';

/** Memory of the server of a queue, in bytes. */
export interface ServerMemory {
  readonly usedBytes: number;
  /** What it may use; absent: it has no such limit, or does not tell. */
  readonly maxBytes?: number;
}

/** Asks the server on which the queue lies. Reads only. */
export async function readServerMemory(redis: Redis, queue: QueueRef): Promise<ServerMemory> {
  const info = String(await runReadScript(redis, 'readMemory', [queueKey(queue, 'meta')], []));
  return parseServerMemory(info);
}

export function parseServerMemory(info: string): ServerMemory {
  const bytes = (name: string): number => Number(new RegExp(`^${name}:(\\d{1,16})\\b`, 'm').exec(info)?.[1] ?? 0);
  const maxBytes = bytes('maxmemory');
  return { usedBytes: bytes('used_memory'), ...(maxBytes > 0 && { maxBytes }) };
}
