import type { ServerMemory } from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';

/** Of its maxmemory a Redis keeps a tenth for those who work with it. */
const SHARE_USED = 0.9;

export interface NeededRoom {
  /** As estimated, of what is still to be written to this server. */
  readonly neededBytes: number;
  /** Of the whole restore, and what the spec allows it. */
  readonly totalBytes: number;
  readonly maxBytes?: number | undefined;
}

/** Why a scratch restore must not be written, or not be written on; undefined: there is room. Pure. */
export function roomProblem(
  memory: ServerMemory,
  { neededBytes, totalBytes, maxBytes }: NeededRoom,
): Problem<'NoRoomForScratch'> | undefined {
  if (maxBytes !== undefined && totalBytes > maxBytes)
    return refuse(
      `it would take ${mebibytes(totalBytes)}, and spec.scratch.maxBytes is ${mebibytes(maxBytes)}; raise that, or restore fewer queues`,
    );
  if (memory.maxBytes === undefined) return undefined;
  const leftBytes = Math.floor(SHARE_USED * memory.maxBytes) - memory.usedBytes;
  if (neededBytes <= leftBytes) return undefined;
  const needs = neededBytes > 0 ? `${mebibytes(neededBytes)} more are needed` : 'others have taken the room meanwhile';
  return refuse(
    `of its maxmemory of ${mebibytes(memory.maxBytes)} Redis uses ${mebibytes(memory.usedBytes)}, a tenth stays free, and ${needs}; name a Redis with more room in spec.scratch.secretRef, or restore fewer queues`,
  );
}

function refuse(message: string): Problem<'NoRoomForScratch'> {
  return { reason: 'NoRoomForScratch', message };
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
