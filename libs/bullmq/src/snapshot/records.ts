import { z } from 'zod';

/** A text of Redis; one that is no valid UTF-8 is base64. */
const value = z.union([z.string(), z.strictObject({ b64: z.base64() })]);
export type Value = z.infer<typeof value>;

/** States of jobs as a backup knows them: jobs of the lists `wait` and `paused` are both `waiting`. */
export const STATES = [
  'waiting',
  'active',
  'delayed',
  'prioritized',
  'waiting-children',
  'completed',
  'failed',
] as const;
const state = z.enum(STATES);
export type State = z.infer<typeof state>;

const hash = z.record(z.string(), value);

/** The most entries of one `index` record. */
export const MAX_INDEX_ENTRIES = 1_000;

/** The first record of a queue: what is set for it, when and how it was read. */
const queue = z.object({
  kind: z.literal('queue'),
  prefix: z.string(),
  name: z.string(),
  meta: hash.describe('the hash `meta`, without the fields of redis-queue'),
  lastId: z.string().optional().describe('the counter `id`'),
  priorityCounter: z.string().optional().describe('the counter `pc`'),
  snapshotAt: z.number().describe('Unix ms, by the clock of Redis'),
  consistent: z.boolean().describe('the states of all jobs are of one instant; else they were read page by page'),
});

const job = z.object({
  kind: z.literal('job'),
  id: z.string(),
  hash,
  logs: z.array(value).optional(),
  dependencies: z.array(z.string()).optional().describe('keys of children that are not finished'),
  processed: hash.optional().describe('what children returned, by key'),
  failed: hash.optional().describe('why children failed that are ignored, by key'),
  unsuccessful: z
    .array(z.tuple([z.string(), z.number()]))
    .optional()
    .describe('keys of children that failed, and when'),
  digest: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional()
    .describe('of all the above; read for incremental backups, to tell whether the job has changed since'),
});

const index = z.object({
  kind: z.literal('index'),
  state,
  entries: z
    .array(
      z.union([
        z.tuple([z.string()]),
        z.tuple([z.string(), z.union([z.number(), z.string().describe('a number that JSON cannot hold exactly')])]),
      ]),
    )
    .max(MAX_INDEX_ENTRIES)
    .describe('ids, with their scores; those that wait or run are in order, the next one to be served first'),
});

const scheduler = z.object({
  kind: z.literal('scheduler'),
  id: z.string(),
  nextMs: z.number().describe('when the next job is due, Unix ms'),
  hash,
});

const deduplication = z.object({
  kind: z.literal('deduplication'),
  id: z.string(),
  jobId: z.string(),
  ttlMs: z.number().optional().describe('time that was left; absent: until the job ends'),
  next: hash.optional().describe('the hash `dn:<id>`: the job that is added when this one ends'),
});

/** The last record of a queue. */
const end = z.object({
  kind: z.literal('end'),
  jobs: z
    .number()
    .describe('jobs of the queue, each counted once; all of them are in the records, unless it has `changed`'),
  changed: z.number().optional().describe('of an increment: how many of them are in its records'),
  counts: z.record(state, z.number()).describe('entries by state; read by pages, a job that moved may count in two'),
  gone: z.number().describe('jobs that an index named, and that were removed before they were read'),
});

/** What a backup of a queue consists of. Jobs may come before or after the entries that name them. */
export const queueRecord = z.discriminatedUnion('kind', [queue, job, index, scheduler, deduplication, end]);

/** An id and, where the state has one, its score. */
export type IndexEntry = [id: string, score?: number | string];
export type QueueRecord =
  | z.infer<typeof queue>
  | z.infer<typeof job>
  | (Omit<z.infer<typeof index>, 'entries'> & { entries: IndexEntry[] })
  | z.infer<typeof scheduler>
  | z.infer<typeof deduplication>
  | z.infer<typeof end>;
export type RecordOf<Kind extends QueueRecord['kind']> = Extract<QueueRecord, { kind: Kind }>;

/**
 * A record that was read from a backup, as it is: a copy would lack a field of the name `__proto__`, which jobs may have.
 *
 * @throws ZodError when it is none.
 */
export function parseQueueRecord(json: unknown): QueueRecord {
  queueRecord.parse(json);
  return json as QueueRecord;
}
