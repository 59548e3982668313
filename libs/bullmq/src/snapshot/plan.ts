import { MAX_ELEMENTS, MAX_REPLY_BYTES } from '../redis/reply-meter.ts';
import { OWNER_FIELD, parseOwnerMark, type ManagedField } from '../ownership/owner-mark-text.ts';
import { GLOBAL_CONCURRENCY_FIELD, MAX_EVENTS_FIELD, RATE_LIMIT_FIELDS } from '../policy/limit-fields.ts';
import { timeOf, UnexpectedReplyError } from '../redis/reply.ts';
import { RESTORE_FIELD } from '../redis/restore-field.ts';
import { ALL_INDEXES, type JobIndex } from './index-pages.ts';
import { bytesOf, hashOf, listOf } from './job-record.ts';
import type { EventCursor } from './moved-jobs.ts';
import type { QueueReads } from './queue-reads.ts';
import { QueueRestoringError } from './queue-restoring-error.ts';
import type { RecordOf, Value } from './records.ts';
import { UnreadableKeyError, WRONG_TYPE } from '../redis/unreadable-key-error.ts';
import { emptyHash } from './values.ts';

type Index = Pick<JobIndex, 'suffix' | 'isList'>;

/** What a snapshot begins with. */
export interface SnapshotPlan {
  readonly redisTimeMs: number;
  /** Entries by the suffix of the index. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Entries of all indexes of jobs. */
  readonly jobs: number;
  /** Whether indexes have at most so many entries, and fit into one reply, as far as some of their ids tell. */
  readonly fitAtOnce: (indexes: readonly Index[], mostEntries: number) => boolean;
  /** What is set for the queue. */
  readonly settings: Pick<RecordOf<'queue'>, 'meta' | 'lastId' | 'priorityCounter'>;
  readonly events: EventCursor;
}

/** The index of job schedulers. */
export const SCHEDULERS = { suffix: 'repeat', isList: false } as const;
/** All that are read at once: those of jobs, and that of job schedulers. */
export const INDEXES: readonly Index[] = [...ALL_INDEXES, SCHEDULERS];

const MAX_META_BYTES = 1_000_000;
/** What `ReplyMeter` counts for an entry of a list, and for one of a set with its score, beside the id. */
const LIST_ENTRY_BYTES = 13;
const SET_ENTRY_BYTES = 40;
/** Of what a reply may be; some ids are longer than those that were looked at. */
const FILLED = 0.95;
/** What fields of `meta` that are ours begin with: they are about this place of the queue, not about what it holds. */
const OWN_FIELDS = 'redis-queue:';

/** The fields of `meta` that the parts of a policy stand in. A pause goes along: nobody wants jobs to run by a restore. */
const LIMITS: Partial<Record<ManagedField, readonly string[]>> = {
  rateLimit: RATE_LIMIT_FIELDS,
  globalConcurrency: [GLOBAL_CONCURRENCY_FIELD],
  maxEvents: [MAX_EVENTS_FIELD],
};

/** @throws UnreadableKeyError when a key is of another type than BullMQ gives it; QueueRestoringError while a restore has the queue. */
export async function planSnapshot(reads: QueueReads): Promise<SnapshotPlan> {
  const suffixes = INDEXES.map(({ suffix }) => suffix);
  const reply = listOf(await reads.run('planSnapshot', [MAX_META_BYTES, ...suffixes]));
  const [time, allSizes, allLongest, meta, counters, events] = reply;
  const sizes = new Map(suffixes.map((suffix, at) => [suffix, sizeOf(reads, suffix, listOf(allSizes)[at])]));
  const longest = new Map(suffixes.map((suffix, at) => [suffix, Number(listOf(allLongest)[at])]));
  const fitAtOnce: SnapshotPlan['fitAtOnce'] = (indexes, mostEntries) => {
    let [entries, bytes, elements] = [0, 0, 0];
    for (const { suffix, isList } of indexes) {
      const size = sizes.get(suffix) ?? 0;
      entries += size;
      elements += isList ? size : 2 * size;
      bytes += size * ((longest.get(suffix) ?? 0) + (isList ? LIST_ENTRY_BYTES : SET_ENTRY_BYTES));
    }
    return entries <= mostEntries && bytes < MAX_REPLY_BYTES * FILLED && elements < MAX_ELEMENTS * FILLED;
  };
  const [lastId, priorityCounter] = listOf(counters).map((text) => bytesOf(text).toString());
  const [lastEvent, added] = listOf(events);
  return {
    redisTimeMs: timeOf(bytesOf(time).toString()),
    sizes,
    jobs: ALL_INDEXES.reduce((sum, { suffix }) => sum + (sizes.get(suffix) ?? 0), 0),
    fitAtOnce,
    settings: {
      meta: metaOf(reads, meta),
      ...(lastId && { lastId }),
      ...(priorityCounter && { priorityCounter }),
    },
    events: { id: bytesOf(lastEvent).toString(), added: Number(added) },
  };
}

function sizeOf(reads: QueueReads, suffix: string, size: unknown): number {
  if (Buffer.isBuffer(size)) throw failureOf(reads, suffix, size);
  if (!Number.isSafeInteger(size)) throw new UnexpectedReplyError('the size of an index is none');
  return Number(size);
}

function metaOf(reads: QueueReads, reply: unknown): RecordOf<'queue'>['meta'] {
  if (Buffer.isBuffer(reply)) throw failureOf(reads, 'meta', reply);
  if (reply === 0) throw new UnreadableKeyError(reads.key('meta'), `it is larger than ${MAX_META_BYTES} bytes`);
  const meta = emptyHash();
  const all = hashOf(reply, reads.key('meta'));
  const mark = all[RESTORE_FIELD];
  if (mark !== undefined) throw new QueueRestoringError(reads.queue.name, typeof mark === 'string' ? mark : '');
  const managed = limitsOf(all[OWNER_FIELD]);
  for (const [field, value] of Object.entries(all))
    if (!field.startsWith(OWN_FIELDS) && !managed.has(field)) meta[field] = value;
  return meta;
}

/** Limits that a Queue object manages: they are in the object, and not for a Queue that manages none. */
function limitsOf(mark: Value | undefined): ReadonlySet<string> {
  const parsed = typeof mark === 'string' ? parseOwnerMark(mark) : undefined;
  const managed = typeof parsed === 'object' ? parsed.managed : [];
  return new Set(managed.flatMap((field) => LIMITS[field] ?? []));
}

function failureOf(reads: QueueReads, suffix: string, error: Buffer): Error {
  const cause = new Error(error.toString());
  return cause.message.includes('WRONGTYPE') ? new UnreadableKeyError(reads.key(suffix), WRONG_TYPE, { cause }) : cause;
}
