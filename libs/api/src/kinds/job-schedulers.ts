import { z } from 'zod';
import { celRules } from './cel.ts';

/** Job schedulers per Queue: all of them are read with each comparison. */
export const MAX_SCHEDULERS = 32;

const retainedJobs = z
  .object({
    age: z.int().min(0).max(315_360_000).optional().describe('Seconds.'),
    count: z.int().min(0).max(1_000_000).optional().describe('Jobs; 0 keeps none.'),
  })
  .optional();

const templateSchema = z.object({
  name: z
    .string()
    .min(1)
    .max(200)
    .regex(/^\S(.*\S)?$/)
    .optional()
    .describe('Name of the jobs. Absent: the name of the scheduler.'),
  data: z
    .looseObject({})
    .optional()
    .describe('Data of the jobs, up to 16 kB as JSON. Absent: {}.')
    .meta({ 'x-kubernetes-preserve-unknown-fields': true }),
  opts: z
    .object({
      attempts: z.int().min(1).max(1_000).optional().describe('Runs of a job that fails, the first included.'),
      backoff: z
        .object({
          type: z
            .string()
            .max(64)
            .regex(/^[A-Za-z][A-Za-z0-9_.-]*$/)
            .describe('fixed, exponential, or a strategy of your workers.'),
          delay: z.int().min(0).max(2_592_000_000).optional().describe('Milliseconds.'),
          jitter: z.number().min(0).max(1).optional().describe('Share of the delay that is left to chance, 0 to 1.'),
        })
        .optional()
        .describe('How long a job that failed waits for its next run.'),
      priority: z.int().min(1).max(2_097_151).optional().describe('1 is the most urgent. Absent: before all of them.'),
      lifo: z.boolean().optional().describe('Jobs go in front of those that wait.'),
      removeOnComplete: retainedJobs.describe('Completed jobs that stay. Absent: as the workers have it.'),
      removeOnFail: retainedJobs.describe('Failed jobs that stay. Absent: as the workers have it.'),
      keepLogs: z.int().min(0).max(100_000).optional().describe('Log lines per job.'),
      stackTraceLimit: z.int().min(0).max(1_000).optional().describe('Stack traces per job.'),
    })
    .optional()
    .describe("Options of the jobs, by BullMQ's names and in its units."),
});

export const jobSchedulerSchema = z
  .object({
    name: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/)
      .describe("The scheduler's id in BullMQ."),
    cron: z
      .string()
      .max(100)
      .regex(/^[A-Za-z0-9*?,/#-]+( [A-Za-z0-9*?,/#-]+){4,5}$/)
      .optional()
      .describe('When the jobs run: minute, hour, day of month, month, day of week; six fields begin with the second.'),
    every: z
      .string()
      .max(6)
      .regex(/^[1-9][0-9]*[smhd]$/)
      .optional()
      .describe('Instead of cron: 30s, 5m (minutes), 12h, 1d, counted from midnight of 1 January 1970 UTC.'),
    timeZone: z
      .string()
      .max(64)
      .regex(/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/)
      .optional()
      .describe('Time zone of cron, such as Europe/Berlin. Absent: UTC.'),
    template: templateSchema.optional().describe('The jobs.'),
  })
  .meta(
    celRules(
      {
        rule: 'has(self.cron) != has(self.every)',
        message: 'a job scheduler has either cron or every; set one of them',
      },
      {
        rule: '!has(self.timeZone) || has(self.cron)',
        message: 'timeZone is for cron; remove it, or set cron instead of every',
        fieldPath: '.timeZone',
      },
    ),
  );

export const jobSchedulersSchema = z
  .array(jobSchedulerSchema)
  .max(MAX_SCHEDULERS)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });

export type JobSchedulerSpec = z.infer<typeof jobSchedulerSchema>;
