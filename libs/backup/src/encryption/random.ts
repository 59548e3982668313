import { randomBytes } from 'node:crypto';

/** Gives that many bytes that nobody can guess. Tests give others, so that a backup is the same in each run. */
export type RandomBytes = (count: number) => Uint8Array;

export const secureRandom: RandomBytes = (count) => randomBytes(count);
