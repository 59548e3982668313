import { z } from 'zod';
import { celRules } from './cel.ts';
import {
  type API_VERSION,
  conditionsSchema,
  GROUP,
  localReferenceSchema,
  observedGenerationSchema,
  type ObjectMeta,
  VERSION,
} from './meta.ts';
import { QUEUE_REASONS } from './queue-reasons.ts';
import { COMMON_REASONS, RestoredByVelero, type ReasonTable } from './reasons.ts';

/** Where the API server serves QueueRedrives. */
export const QUEUE_REDRIVES = {
  group: GROUP,
  version: VERSION,
  plural: 'queueredrives',
  kind: 'QueueRedrive',
  namespaced: true,
} as const;

/** Ids that a dry run shows. */
export const MOST_SAMPLED_IDS = 10;
const LONGEST_SAMPLED_ID = 256;

const dateTime = z.string().meta({ format: 'date-time' });

/** `$` and then `.name`, `['name']`, `["name"]` or `[0]`; the controller compiles the same language. */
const JSON_PATH = String.raw`^\$(\.([A-Za-z_]|[^\x00-\x7F])([A-Za-z0-9_-]|[^\x00-\x7F])*|\[(0|-?[1-9][0-9]{0,8})\]|\['([^'\\]|\\.)*'\]|\["([^"\\]|\\.)*"\]){0,16}$`;

const filterSchema = z
  .object({
    jobName: z.string().min(1).max(256).optional().describe('Name of the jobs.'),
    failedReason: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe('A part of the text with which the job failed, of which the first 4 kB are compared.'),
    failedAfter: dateTime
      .optional()
      .describe("Jobs that failed at this time or later, by their worker's clock: 2026-03-01T00:00:00Z."),
    failedBefore: dateTime.optional().describe("Jobs that failed before this time, by their worker's clock."),
    data: z
      .object({
        path: z
          .string()
          .min(1)
          .max(256)
          .meta(
            celRules({
              // A raw text, as the expression has quotes and backslashes of its own.
              rule: `self.matches(r"""${JSON_PATH}""")`,
              message:
                "must lead to one place: $ and then at most 16 steps such as .name, ['name'] or [0]; wildcards, slices and filters have no bound",
            }),
          )
          .describe("A place in the job's data, as a JSON path that leads to one: $.tenant.id, $.items[0]['e-mail']."),
        equals: z
          .string()
          .max(256)
          .describe(
            'The value there, as text: acme, 42, true, null. Objects and arrays equal none. Data over 64 kB is not read and does not match.',
          ),
      })
      .optional()
      .describe("A value in the job's data."),
  })
  .meta(
    celRules({
      rule: '!has(self.failedAfter) || !has(self.failedBefore) || self.failedAfter < self.failedBefore',
      message: 'failedBefore has to be later than failedAfter',
    }),
  );

export const queueRedriveSpecSchema = z
  .object({
    queueRef: localReferenceSchema.describe(
      'The Queue, in the same namespace, whose dead letters are put back; immutable.',
    ),
    filter: filterSchema
      .optional()
      .describe('Which dead letters: those for which everything given holds; immutable. Absent: all.'),
    maxJobsPerSecond: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe("Jobs that are put back per second at most, by seconds of Redis' clock; immutable."),
    maxJobs: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe('Jobs that are put back in all at most, the oldest failures first; immutable. Absent: all that match.'),
    dryRun: z
      .boolean()
      .default(false)
      .describe('Only count what matches, in status.matched, and show some ids; immutable.'),
    suspend: z
      .boolean()
      .default(false)
      .describe('Put nothing back while true, and let younger QueueRedrives of the Queue go first.'),
    ttlSecondsAfterFinished: z
      .int()
      .min(0)
      .max(31_536_000)
      .optional()
      .describe('Seconds after its end until the object is deleted. Absent: it stays.'),
  })
  .describe('What is to be put back; all but suspend and ttlSecondsAfterFinished is immutable.');

const count = z.int().min(0);

export const queueRedriveStatusSchema = z.object({
  observedGeneration: observedGenerationSchema,
  conditions: conditionsSchema,
  startTime: dateTime.optional().describe('When it began to read dead letters.'),
  completionTime: dateTime.optional().describe('When it ended, complete or failed.'),
  lettersUntil: dateTime
    .optional()
    .describe(
      "When the object was created, by Redis' clock: jobs that failed later are not taken, so that it ends although jobs go on failing.",
    ),
  matched: count
    .optional()
    .describe('Dead letters that match, up to maxJobs. Counted before the first is put back; absent until then.'),
  redriven: count
    .optional()
    .describe('Jobs that are back in their queue: counted in Redis, in the step that put them back.'),
  skipped: z
    .object({
      jobExists: count.describe('A job of that id is in the queue, so the dead letter stays.'),
      diedAgain: count.describe('This redrive had put the job back, and it died again.'),
    })
    .optional()
    .describe('Dead letters that match and stay, by reason.'),
  sample: z
    .array(z.string().max(LONGEST_SAMPLED_ID))
    .max(MOST_SAMPLED_IDS)
    .optional()
    .describe('Of a dry run: ids of the oldest jobs that match.')
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
});

export type QueueRedriveSpec = z.infer<typeof queueRedriveSpecSchema>;
export type QueueRedriveStatus = z.infer<typeof queueRedriveStatusSchema>;

export interface QueueRedrive {
  apiVersion: typeof API_VERSION;
  kind: 'QueueRedrive';
  metadata: ObjectMeta;
  spec: QueueRedriveSpec;
  status?: QueueRedriveStatus;
}

const {
  SecretNotFound,
  RedisUnreachable,
  RedisBusy,
  RedisReadOnly,
  RedisOutOfMemory,
  QueueUnreadable,
  RedisError,
  SecretNotPermitted,
  SecretInvalid,
  PrefixReserved,
  MixedRedis,
  RedisAuthFailed,
  RedisNoPermission,
} = QUEUE_REASONS;

/** Every reason that a QueueRedrive's conditions and events give. */
export const QUEUE_REDRIVE_REASONS = {
  ...COMMON_REASONS,
  Redriven: {
    kind: 'ready',
    doc: 'It is complete: what matched is back in its queue, or stays for a reason that status.skipped counts.',
  },
  Counted: { kind: 'ready', doc: 'The dry run is complete: status.matched and status.sample say what matches.' },

  Counting: { kind: 'progressing', doc: 'The dead letters that match are being counted.' },
  Redriving: { kind: 'progressing', doc: 'Dead letters are being put back; status.redriven says how many were.' },
  Suspended: { kind: 'progressing', doc: 'spec.suspend is true: it goes on once that is false.' },
  WaitingForRedrive: {
    kind: 'progressing',
    doc: 'An older QueueRedrive of the same Queue, or an older dry run of the namespace, goes first; the message names it. Suspend or delete it to let this one go first.',
  },
  WaitingForRestore: {
    kind: 'progressing',
    doc: 'A QueueRestore fills the queue or its dead letters; it goes on once that has ended. Where nobody goes on with it, end it as the condition HeldByRestore of the Queue says.',
  },
  OwnershipLost: {
    kind: 'progressing',
    doc: 'An owner mark changed meanwhile, so nothing was put back; it is tried again.',
  },

  QueueNotFound: {
    kind: 'retries',
    doc: 'spec.queueRef names no Queue of this namespace; create it, or delete the QueueRedrive.',
  },
  QueueNotGoverned: {
    kind: 'retries',
    doc: 'The Queue does not govern its queue, or its dead-letter queue, in Redis: it is new, conflicts with another, only observes or is being deleted. The message says which; see the conditions of the Queue.',
  },
  SecretNotFound,
  RedisUnreachable,
  RedisBusy,
  RedisReadOnly,
  RedisOutOfMemory,
  RedisError,

  FilterInvalid: {
    kind: 'stalled',
    doc: 'spec.filter cannot be read; the message says what is wrong. Create another QueueRedrive.',
  },
  RestoredByVelero,
  QueueUnreadable,
  SecretNotPermitted,
  SecretInvalid,
  PrefixReserved,
  MixedRedis,
  RedisAuthFailed,
  RedisNoPermission,
} as const satisfies ReasonTable;

export type QueueRedriveReason = keyof typeof QUEUE_REDRIVE_REASONS;
