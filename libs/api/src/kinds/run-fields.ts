import { z } from 'zod';

// Fields of kinds whose objects run once, as a Job does.

/** Of a run that fails: as often it is tried again, as a Job has it. */
export const DEFAULT_BACKOFF_LIMIT = 6;

export const dateTime = z.string().meta({ format: 'date-time' });
export const count = z.int().min(0);

export const jobsPerSecondSchema = z.int().min(1).max(1_000_000).optional();

export const activeDeadlineSecondsSchema = z
  .int()
  .min(1)
  .max(31_536_000)
  .optional()
  .describe(
    'Seconds after which it fails if it has not ended, counted from status.startTime; immutable. Absent: it has no such end.',
  );

export const backoffLimitSchema = z
  .int()
  .min(0)
  .max(100)
  .default(DEFAULT_BACKOFF_LIMIT)
  .describe(
    'How often it is tried again after a run that failed, 10 s later and then each time twice as long, up to 6 minutes; immutable.',
  );

export const ttlSecondsAfterFinishedSchema = z
  .int()
  .min(0)
  .max(31_536_000)
  .optional()
  .describe('Seconds after its end until the object is deleted. Absent: it stays.');

/** Where an object that runs once is. */
export const phaseSchema = z.enum(['Pending', 'Running', 'Completed', 'Failed']);
export type RunPhase = z.infer<typeof phaseSchema>;

/** What a run is at. */
export const progressSchema = z.object({
  step: z
    .enum(['Reading', 'Checking', 'Writing', 'Comparing'])
    .describe(
      'A backup is Reading a queue. A restore is Checking the backup, Writing jobs, and Comparing them with it.',
    ),
  queue: z.string().describe('The queue that it is at, as it is named in the backup.'),
  jobs: count.describe('Jobs of that queue that are done.'),
  of: count.optional().describe('Jobs of that queue, as far as that is known.'),
  queuesDone: count.describe('Queues that are done.'),
});
