import { countValues } from '../parts/json-values.ts';
import { PART_BYTES } from '../parts/part-limits.ts';

/** Bounds what a reader holds, whoever has written the manifest. Room for all parts, and for all queues. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** About 130 bytes of a manifest each. */
export const MAX_PARTS = 25_000;

/** What that many parts hold, in words. */
export function partsText(parts: number): string {
  return `${parts} parts (${Math.floor((parts * PART_BYTES) / 1024 ** 3)} GiB of JSON)`;
}

/** Of a QueueBackup with a hundred Queues, each with its dead letters. */
export const MAX_QUEUES = 200;

const MIN_BYTES_PER_VALUE = 8;
const FEW_VALUES = 2_000;

/**
 * Whether a text can be a manifest by how many values it has: one of nothing but brackets would take twenty times its
 * size in memory once it is parsed.
 */
export function hasTooManyValues(text: Uint8Array): boolean {
  return countValues(text) > FEW_VALUES + text.length / MIN_BYTES_PER_VALUE;
}
