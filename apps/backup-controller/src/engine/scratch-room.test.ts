import { describe, expect, it } from 'vitest';
import { roomProblem } from './scratch-room.ts';

const MIB = 2 ** 20;
const redis = (usedMib: number, maxMib?: number) => ({
  usedBytes: usedMib * MIB,
  ...(maxMib !== undefined && { maxBytes: maxMib * MIB }),
});
const needed = (mib: number, maxMib?: number) => ({
  neededBytes: mib * MIB,
  totalBytes: mib * MIB,
  ...(maxMib !== undefined && { maxBytes: maxMib * MIB }),
});

describe('a scratch restore', () => {
  it('has room below nine tenths of maxmemory, and without one', () => {
    expect(roomProblem(redis(40, 100), needed(50))).toBeUndefined();
    expect(roomProblem(redis(40), needed(50_000))).toBeUndefined();
    expect(roomProblem(redis(40), needed(50, 50))).toBeUndefined();
  });

  it.each([
    [redis(40, 100), needed(51), 'maxmemory of 100.0 MiB Redis uses 40.0 MiB, a tenth stays free, and 51.0 MiB more'],
    [redis(91, 100), needed(0), 'others have taken the room meanwhile'],
    [redis(0), needed(51, 50), 'it would take 51.0 MiB, and spec.scratch.maxBytes is 50.0 MiB'],
  ])('is refused with the numbers and the way out', (memory, room, message) => {
    expect(roomProblem(memory, room)).toEqual({
      reason: 'NoRoomForScratch',
      message: expect.stringContaining(message),
    });
  });
});
