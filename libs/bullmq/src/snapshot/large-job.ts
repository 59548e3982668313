import { bytesOf, listOf, nameOf, PARTS, setPart, type JobRecord } from './job-record.ts';
import type { QueueReads } from './queue-reads.ts';
import type { Value } from './records.ts';
import { scanKey } from './scan-key.ts';
import { UnreadableKeyError } from './unreadable-key-error.ts';
import { emptyHash, valueOf } from './values.ts';

/**
 * The largest job that is read, bytes. Redis copies a value whenever a part of it is asked for: 16 MiB take it some
 * 15 ms, as they do when a worker fetches the job.
 */
const MAX_BYTES = 16 * 1024 * 1024;
/** Values that come at once; of longer ones only their length. */
const SHORT_BYTES = 4_096;
const SLICE_BYTES = 1024 * 1024;
/** So often a value that changes while it is read is begun again. */
const TRIES = 5;

const TOO_LARGE = `the job is larger than what a backup reads of one (${MAX_BYTES / 1_048_576} MiB); remove it, or keep such data elsewhere and in the job only where`;

/** Reads a job that does not fit into one reply, piece by piece; undefined: it is gone. */
export async function readLargeJob(reads: QueueReads, id: string): Promise<JobRecord | undefined> {
  const hash = await readLargeHash(reads, id);
  if (!hash) return undefined;
  const size = { bytes: sizeOf(hash) };
  const job: JobRecord = { kind: 'job', id, hash };
  // A child that ends goes from `dependencies` to one of the others, so it is in one of them when they are read later.
  for (const [part, command] of PARTS) {
    const suffix = `${id}:${part}`;
    // oxlint-disable-next-line no-await-in-loop -- in this order
    const elements = await readPart(reads, suffix, command, size);
    if (elements.length > 0) setPart(job, part, elements, reads.key(suffix));
  }
  return withoutEndedChildren(job);
}

/** @param size of the job so far, which it adds to. */
async function readPart(
  reads: QueueReads,
  suffix: string,
  command: (typeof PARTS)[number][1],
  size: { bytes: number },
): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const elements of scanKey(reads, suffix, command)) {
    for (const element of elements) size.bytes += bytesOf(element).length;
    if (size.bytes > MAX_BYTES) throw new UnreadableKeyError(reads.key(suffix), TOO_LARGE);
    all.push(...elements);
  }
  return all;
}

function sizeOf(hash: Readonly<Record<string, Value>>): number {
  const lengths = Object.values(hash).map((value) => (typeof value === 'string' ? value : value.b64).length);
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** Those that ended while the parts were read are in two of them. */
function withoutEndedChildren(job: JobRecord): JobRecord {
  const ends = ['processed', 'failed'] as const;
  const ended = new Set([
    ...ends.flatMap((part) => Object.keys(job[part] ?? {})),
    ...(job.unsuccessful ?? []).map(([child]) => child),
  ]);
  // A set that is read by cursor gives some elements twice.
  const open = new Set(job.dependencies?.filter((child) => !ended.has(child)));
  if (open.size > 0) return { ...job, dependencies: [...open] };
  delete job.dependencies;
  return job;
}

async function readLargeHash(reads: QueueReads, suffix: string): Promise<Record<string, Value> | undefined> {
  const reply = await reads.runOn(suffix, 'readHashFields', [MAX_BYTES, SHORT_BYTES]);
  if (reply === 1) throw new UnreadableKeyError(reads.key(suffix), TOO_LARGE);
  const rows = listOf(reply);
  if (rows.length === 0) return undefined;
  const hash = emptyHash();
  for (let at = 0; at < rows.length; at += 3) {
    const field = nameOf(rows[at], reads.key(suffix));
    const value = rows[at + 2];
    // oxlint-disable-next-line no-await-in-loop -- values are large
    hash[field] = valueOf(
      value === null ? await readLongValue(reads, suffix, field, Number(rows[at + 1])) : bytesOf(value),
    );
  }
  return hash;
}

/** Reads it in slices, and then asks Redis whether they are the value as it is. */
async function readLongValue(reads: QueueReads, suffix: string, field: string, bytes: number): Promise<Buffer> {
  for (let tries = 0, length = bytes; tries < TRIES; tries++) {
    const slices: Buffer[] = [];
    let read = 0;
    for (let slice: Buffer; read < length; slices.push(slice), read += slice.length) {
      // oxlint-disable-next-line no-await-in-loop -- one slice is in memory of Redis at a time
      slice = bytesOf(await reads.runOn(suffix, 'readHashSlice', [field, read + 1, read + SLICE_BYTES]));
      if (slice.length === 0) break;
    }
    const value = Buffer.concat(slices);
    // oxlint-disable-next-line no-await-in-loop
    const isWhole = await reads.runOn(suffix, 'matchesHashValue', [field, value]);
    if (isWhole === 1) return value;
    // It may have become longer.
    length = Math.min(MAX_BYTES, length + SLICE_BYTES);
  }
  throw new UnreadableKeyError(
    reads.key(suffix),
    `its field ${JSON.stringify(field.slice(0, 50))} changes all the time`,
  );
}
