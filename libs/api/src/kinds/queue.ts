import { z } from 'zod';
import { celRules } from './cel.ts';
import { jobSchedulersSchema } from './job-schedulers.ts';
import {
  DEFAULT_PREFIX,
  keyPrefixSchema,
  notScratch,
  RESERVED_PREFIX,
  reservedFor,
  SCRATCH_PREFIX,
} from './key-prefix.ts';
import {
  type API_VERSION,
  conditionsSchema,
  GROUP,
  localReferenceSchema,
  observedGenerationSchema,
  type ObjectMeta,
  VERSION,
} from './meta.ts';

/** Where the API server serves Queues. */
export const QUEUES = { group: GROUP, version: VERSION, plural: 'queues', kind: 'Queue', namespaced: true } as const;

/** The name of the Secret that is read when a Queue names none. */
export const DEFAULT_REDIS_SECRET = 'redis-credentials';

/**
 * Who reaches a Queue's Redis. Each role may log in with a Secret of its own, and so with the least rights:
 * `controller` writes a queue's settings, `sampler` (the autoscaler too) only reads, `worker` runs jobs, `backup` reads
 * whole queues, `restore` writes them.
 */
export const REDIS_ROLES = ['controller', 'sampler', 'worker', 'backup', 'restore'] as const;
export type RedisRole = (typeof REDIS_ROLES)[number];

const retentionText = z
  .string()
  .max(10)
  .regex(/^[0-9]+[hdm]$/);

export const rateLimitsSchema = z.object({
  maxJobsPerSecond: z.int().min(1).max(1_000_000).describe('Jobs that all workers together may start per second.'),
  burstCapacity: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('Jobs that may start at once after a quiet time. Absent: as many as one second allows.'),
});

const roleSecretRef = (user: string) =>
  localReferenceSchema.optional().describe(`Secret of ${user}. Absent: secretRef.`);

export const queueSpecSchema = z
  .object({
    name: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[a-z0-9-]+$/)
      .meta(notScratch)
      .optional()
      .describe("The queue's name in Redis; immutable. Absent: redis.queueName, or else metadata.name."),
    priorities: z
      .array(z.int().min(1).max(10))
      .min(1)
      .max(10)
      .optional()
      .describe(
        'Priorities that producers use; 1 is the most urgent, as in BullMQ. Jobs in line that have another one, or none, are counted.',
      )
      .meta({ 'x-kubernetes-list-type': 'set' }),
    priorityPolicy: z
      .enum(['Report', 'Clamp'])
      .optional()
      .describe(
        'What happens to jobs in line that have none of spec.priorities. Report: the condition PrioritiesViolated counts them. Clamp: they are given the nearest one, the less urgent of two; jobs without a priority, which BullMQ serves before all others, the most urgent one. Absent: Report.',
      ),
    rateLimits: rateLimitsSchema.optional().describe('How fast jobs may start. Absent: not managed.'),
    dlqPolicy: z
      .object({
        enabled: z
          .boolean()
          .optional()
          .describe(
            'Move jobs that failed for good to the dead-letter queue, <name>-dlq under the same prefix, which is governed by this Queue then. False: they stay, and the other fields have no effect. Absent, which is refused beside other fields: they stay.',
          ),
        maxRetries: z
          .int()
          .min(0)
          .max(1000)
          .optional()
          .describe(
            'Runs after the first before a job is dead, with the backoff of the job; a job whose own attempts are more has those. Absent: 0.',
          ),
        retentionDays: z
          .int()
          .min(1)
          .max(3650)
          .optional()
          .describe('Days that a dead letter is kept, from when its job failed. Absent: for good.'),
      })
      .optional()
      .describe('What happens to jobs that failed for good. Absent: not managed.'),
    retention: z
      .object({
        completedJobs: retentionText
          .optional()
          .describe('How long completed jobs are kept: 30m, 24h, 7d (m = minutes); 0 counts as a minute.'),
        failedJobs: retentionText
          .optional()
          .describe('How long failed jobs are kept: 30m, 24h, 7d (m = minutes); 0 counts as a minute.'),
        maxBytes: z
          .string()
          .max(20)
          .regex(/^[1-9][0-9]*([kMGT]|[KMGT]i)?$/)
          .optional()
          .describe(
            'Memory that the queue may use, as estimated from some jobs of each state: 500M, 2Gi. Over it, the oldest completed jobs go, then the oldest failed ones, never unfinished ones.',
          ),
        maxEvents: z
          .int()
          .min(1)
          .max(1_000_000)
          .optional()
          .describe(
            "Events kept in the queue's stream, and up to a hundred more. BullMQ's own default, which each producer sets again, is 10000.",
          ),
      })
      .optional()
      .describe(
        'How long finished jobs are kept. Failed jobs that become dead letters are left to dlqPolicy. Absent: not managed.',
      ),
    redis: z
      .object({
        secretRef: localReferenceSchema
          .optional()
          .describe(
            `Secret with redis-url, or redis-host, redis-port, redis-db, redis-username, redis-password, or redis-sentinels and redis-sentinel-master-name. Absent: ${DEFAULT_REDIS_SECRET}.`,
          ),
        secretRefs: z
          .object({
            controller: roleSecretRef('the queue-controller, to read and write what the spec manages'),
            sampler: roleSecretRef('what counts jobs and sizes pools, which only reads'),
            worker: roleSecretRef('worker pods'),
            backup: roleSecretRef('QueueBackups, which only read'),
            restore: roleSecretRef('QueueRestores, which write into an empty queue'),
          })
          .optional()
          .describe(
            'Secrets of single roles, each with the least rights; all lead to the same Redis and database, or the Queue or its WorkerPools are Stalled (MixedRedis). Absent: secretRef.',
          ),
        tls: z
          .object({
            enabled: z.boolean().optional().describe('Speak TLS; a rediss:// URL does so anyway.'),
            serverName: z
              .string()
              .max(253)
              .regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/)
              .optional()
              .describe("Name expected in the server's certificate; needs TLS, by enabled or a rediss:// URL."),
            secretRef: localReferenceSchema
              .optional()
              .describe(
                'Secret with tls.crt and tls.key, the certificate by which Redis knows its clients, and ca.crt, the private CA of Redis unless redis-ca.crt of the other Secret is it, as cert-manager makes one. Needs TLS, by enabled or a rediss:// URL.',
              ),
          })
          .meta(
            // On the object itself, so that a Queue that has both from before can still be changed, and deleted.
            celRules(
              {
                rule: '!has(self.serverName) || !has(self.enabled) || self.enabled',
                message:
                  'serverName is only for TLS, which enabled: false turns off; set enabled: true, or remove serverName',
              },
              {
                rule: '!has(self.secretRef) || !has(self.enabled) || self.enabled',
                message:
                  'secretRef is only for TLS, which enabled: false turns off; set enabled: true, or remove secretRef',
              },
            ),
          )
          .optional()
          .describe(
            'TLS to Redis; a private CA lies in the Secret under redis-ca.crt, or in that of secretRef, and is refused without TLS.',
          ),
        queueName: z
          .string()
          .min(1)
          .max(200)
          .regex(/^[^:\s]+$/)
          .meta(notScratch)
          .optional()
          .describe(
            "The queue's name in Redis where that is no legal spec.name, such as sendEmail; instead of spec.name; immutable.",
          ),
        prefix: keyPrefixSchema
          .optional()
          .describe(
            `BullMQ's key prefix; immutable. Absent: ${DEFAULT_PREFIX}. ${RESERVED_PREFIX} is refused: the bus has it; and so is ${SCRATCH_PREFIX}: scratch restores have it.`,
          ),
      })
      .optional()
      .describe('Where the queue lives.'),
    globalConcurrency: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Jobs at once over all workers. Absent: not managed.'),
    jobTimeout: z
      .string()
      .max(8)
      .regex(/^[1-9][0-9]*[smh]$/)
      .optional()
      .describe(
        'How long a run of a job may take, for workers that follow the pod contract: 30s, 10m, 2h (m = minutes). Its signal aborts then, and the job fails; other workers know nothing of it. A change replaces the pods of the pools that serve the queue. Absent: as long as it wants.',
      ),
    paused: z.boolean().optional().describe('Stop workers from starting jobs. Absent: not managed.'),
    schedulers: jobSchedulersSchema
      .optional()
      .describe(
        'Job schedulers of the queue. One that is taken out of the list is removed with its next job; those that others have added stay. Absent: none is managed.',
      ),
    retire: z
      .boolean()
      .optional()
      .describe(
        'The job schedulers of this list are removed, and workers go on: Drained is True once no job has waited, run or been delayed for 60 s. Absent: false.',
      ),
    deletionPolicy: z
      .enum(['Retain', 'Delete', 'DeleteIfEmpty'])
      .optional()
      .describe(
        'What happens to the data in Redis when this object is deleted. Delete removes it a minute later, unless another Queue claims it; DeleteIfEmpty only if no job is unfinished or failed. Both need the Secret: when it goes first, as it does with its namespace, the data stays and the object goes after five minutes; delete the Queues first and wait, or set Retain. Absent: Retain.',
      ),
    adoptionPolicy: z
      .enum(['Adopt', 'Refuse', 'Observe'])
      .optional()
      .describe('What to do with a queue that exists already; Observe only plans, in status.plan. Absent: Adopt.'),
  })
  .describe('The desired state of the queue. A field that is absent is not managed: it stays in Redis as it is.');

const count = z.int().min(0);

export const queueCountsSchema = z
  .object({
    depth: count.describe('Jobs that could start now: waiting, prioritized and overdue ones.').optional(),
    waiting: count.describe('Jobs in line.'),
    prioritized: count.describe('Jobs in line by priority.'),
    active: count.describe('Jobs that run.'),
    delayed: count.describe('Jobs that are delayed until a set time.'),
    overdue: count.describe('Delayed jobs that are due.'),
    failed: count.describe('Jobs that failed.'),
    dead: count.describe('Jobs in the dead-letter queue. Absent: dlqPolicy is not enabled.').optional(),
  })
  .describe('Jobs by state, written at most once a minute; live numbers are metrics.');

export const queueStatusSchema = z.object({
  observedGeneration: observedGenerationSchema,
  conditions: conditionsSchema,
  effective: z
    .object({
      name: z.string().describe('Name of the queue in Redis.'),
      prefix: z.string().describe('Prefix of its keys.'),
      rateLimit: z
        .object({ max: z.int().describe('Jobs per window.'), durationMs: z.int().describe('Length of the window.') })
        .optional()
        .describe('The rate limit as BullMQ stores it.'),
      paused: z.boolean().optional().describe('Workers start no jobs, whoever paused the queue. Absent: they do.'),
      redisVersion: z.string().optional().describe('The product and version that the server reports.'),
      redisAddress: z
        .string()
        .optional()
        .describe('Address of the Redis, whether it is a Redis Cluster, and its database unless that is 0.'),
    })
    .optional()
    .describe('The settings in effect in Redis.'),
  counts: queueCountsSchema.optional(),
  waitP95: z.string().optional().describe('95th percentile of recent waits, ready to started. Absent: no data.'),
  oldestAge: z.string().optional().describe('Age of the job that is next in line. Absent: none waits.'),
  sampledAt: z.string().meta({ format: 'date-time' }).optional().describe('When the counts were read.'),
  adoptedAt: z.string().meta({ format: 'date-time' }).optional().describe('When the Queue took the queue over.'),
  formerRedis: z
    .array(
      z
        .object({
          address: z.string().describe('As effective.redisAddress had it.'),
          since: z.string().meta({ format: 'date-time' }).describe('When the move was noticed.'),
        })
        .describe('A Redis that the queue has left.'),
    )
    .max(4)
    .optional()
    .describe(
      'Where the queue was before its Secret led elsewhere, and may still have the owner mark and settings of this Queue. Absent: nowhere.',
    )
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  workerLimiterSeenAt: z
    .string()
    .meta({ format: 'date-time' })
    .optional()
    .describe('When the queue last showed what the condition WorkerLimiter says, to within five minutes.'),
  plan: z
    .array(z.string())
    .max(50)
    .optional()
    .describe(
      'What would be done, for adoptionPolicy Observe: first what changes once, then what recurs with jobs, whose number is not given.',
    )
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
});

export type QueueSpec = z.infer<typeof queueSpecSchema>;
export type QueueStatus = z.infer<typeof queueStatusSchema>;
export type RateLimits = z.infer<typeof rateLimitsSchema>;
export type QueueCounts = z.infer<typeof queueCountsSchema>;

export interface Queue {
  apiVersion: typeof API_VERSION;
  kind: 'Queue';
  metadata: ObjectMeta;
  spec: QueueSpec;
  status?: QueueStatus;
}

/** The queue's name in Redis: `spec.redis.queueName`, `spec.name`, or the object's own. */
export function queueName({ metadata, spec }: Queue): string {
  return spec.redis?.queueName ?? spec.name ?? metadata.name;
}

/** Whether jobs that failed for good are dead letters, in a queue of their own. */
export function keepsDeadLetters({ dlqPolicy }: QueueSpec): boolean {
  return dlqPolicy?.enabled === true;
}

/** The key prefix of the queue in Redis. */
export function queuePrefix(queue: Queue): string {
  return queue.spec.redis?.prefix ?? DEFAULT_PREFIX;
}

/** Whose keys its own would be among. The API server refuses that now; an object may be older, and have no other name. */
export function keysReservedFor(queue: Queue): ReturnType<typeof reservedFor> {
  return reservedFor(queuePrefix(queue), queueName(queue));
}

/**
 * The Secret, in the queue's namespace, with which `role` reaches its Redis: its own, otherwise the shared one,
 * otherwise the default.
 */
export function redisSecretRef(queue: Queue, role: RedisRole): RedisSecretRef {
  const { secretRefs, secretRef } = queue.spec.redis ?? {};
  const own = secretRefs?.[role];
  if (own) return { name: own.name, field: `spec.redis.secretRefs.${role}` };
  return secretRef ? { name: secretRef.name, field: 'spec.redis.secretRef' } : { name: DEFAULT_REDIS_SECRET };
}

export interface RedisSecretRef {
  readonly name: string;
  /** The field that names it; absent for the default. */
  readonly field?: string;
}
