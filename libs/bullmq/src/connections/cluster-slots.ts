import { Command } from 'ioredis';
import { UnexpectedReplyError } from '../redis/reply.ts';
import type { HostAndPort } from './target.ts';

/** Slots of a Redis Cluster and the master that has them. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
  readonly node: HostAndPort;
}

/** The slot of a key, by its hash tag where it has one. */
export function slotOfKey(key: string): number {
  return new Command('get', [key]).getSlot() ?? 0;
}

/**
 * Reads a reply to CLUSTER SLOTS, which `guardClusterReplies` has looked at.
 *
 * @param host of a node that does not know its own address: that of the node that was asked.
 * @returns in the order of the slots.
 */
export function parseSlots(reply: unknown, host: string): SlotRange[] {
  if (!Array.isArray(reply)) throw new UnexpectedReplyError('it has no slots');
  const ranges = (reply as unknown[]).flatMap((range) => {
    const [from, to, master] = range as [number, number, [string | null, number] | undefined];
    return master ? [{ from, to, node: { host: master[0] || host, port: master[1] } }] : [];
  });
  return ranges.toSorted((one, other) => one.from - other.from);
}

/** Who has the slot; undefined while nobody does. */
export function nodeOfSlot(ranges: readonly SlotRange[], slot: number): HostAndPort | undefined {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.to < slot) low = middle + 1;
    else high = middle;
  }
  const found = ranges[low];
  return found !== undefined && found.from <= slot && slot <= found.to ? found.node : undefined;
}
