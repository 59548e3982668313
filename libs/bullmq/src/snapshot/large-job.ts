import { bytesOf, hashOf, PARTS, setPart, type JobRecord } from './job-record.ts';
import type { QueueReads } from './queue-reads.ts';
import type { Value } from './records.ts';
import { scanKey } from './scan-key.ts';
import { UnreadableKeyError } from '../redis/unreadable-key-error.ts';

/** The largest job that is read, bytes: Redis copies it in some 15 ms, as it does when a worker fetches it. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What an element of its logs or children counts beside its text: a quarter of a million of them are read. */
const ELEMENT_BYTES = 64;
/** What the protocol adds, and what the job may have grown since it was weighed. */
const ROOM_BYTES = 1024 * 1024;

const TOO_LARGE = `the job is larger than what a backup reads of one (${MAX_BYTES / 1_048_576} MiB, of which each log line and child takes ${ELEMENT_BYTES} bytes beside its text); remove it, or keep such data elsewhere and in the job only where`;

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
    for (const element of elements) size.bytes += ELEMENT_BYTES + bytesOf(element).length;
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

/** Undefined: it is gone. */
async function readLargeHash(reads: QueueReads, suffix: string): Promise<Record<string, Value> | undefined> {
  const weight = await reads.runOn(suffix, 'weighJob', [MAX_BYTES]);
  if (weight === 2) throw new UnreadableKeyError(reads.key(suffix), TOO_LARGE);
  if (weight !== 1) return undefined;
  const hash = hashOf(await reads.largeHash(suffix, MAX_BYTES + ROOM_BYTES), reads.key(suffix));
  return Object.keys(hash).length > 0 ? hash : undefined;
}
