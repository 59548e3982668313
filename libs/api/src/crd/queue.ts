import { API_VERSION } from '../kinds/meta.ts';
import { DEFAULT_PREFIX } from '../kinds/key-prefix.ts';
import { QUEUES, queueSpecSchema, queueStatusSchema } from '../kinds/queue.ts';
import { QUEUE_REASONS } from '../kinds/queue-reasons.ts';
import type { KindDefinition } from './definition.ts';

const hasQueueName = (object: string) => `has(${object}.spec.redis) && has(${object}.spec.redis.queueName)`;
const effectiveName = (object: string) =>
  `(${hasQueueName(object)} ? ${object}.spec.redis.queueName : has(${object}.spec.name) ? ${object}.spec.name : self.metadata.name)`;
const effectivePrefix = (object: string) =>
  `(has(${object}.spec.redis) && has(${object}.spec.redis.prefix) ? ${object}.spec.redis.prefix : '${DEFAULT_PREFIX}')`;

const namedByQueueName = `(${hasQueueName('self')} || ${hasQueueName('oldSelf')})`;
const nameStays = `${effectiveName('self')} == ${effectiveName('oldSelf')}`;
const immutableName = (field: string) => ({
  message: `${field} is immutable; create another Queue for another name`,
  messageExpression: `'the name in Redis is immutable: this Queue governs "' + ${effectiveName('oldSelf')} + '" in Redis; create another Queue for another name'`,
});

export const queueDefinition: KindDefinition = {
  kind: QUEUES.kind,
  plural: QUEUES.plural,
  shortName: 'rq',
  description: 'A BullMQ queue in Redis: its limits, its retention and what becomes of jobs that fail for good.',
  spec: queueSpecSchema,
  status: queueStatusSchema,
  rules: [
    {
      rule: `!(${hasQueueName('self')} && has(self.spec.name))`,
      message: 'spec.name and spec.redis.queueName both name the queue in Redis; remove one of them',
      fieldPath: '.spec.redis.queueName',
    },
    {
      rule: `has(self.spec.name) || ${hasQueueName('self')} || (size(self.metadata.name) <= 200 && self.metadata.name.matches('^[a-z0-9-]+$'))`,
      message:
        "metadata.name is the queue's name in Redis while spec.name is absent, so it must match ^[a-z0-9-]+$ and have at most 200 characters; set spec.name, or spec.redis.queueName for a name with other characters",
    },
    // Two rules, so that the refusal is at the field that names the queue.
    {
      rule: `!${namedByQueueName} || ${nameStays}`,
      ...immutableName('spec.redis.queueName'),
      fieldPath: '.spec.redis.queueName',
    },
    {
      rule: `${namedByQueueName} || ${nameStays}`,
      ...immutableName('spec.name (absent, it is metadata.name)'),
      fieldPath: '.spec.name',
    },
    {
      rule: '!has(self.spec.priorityPolicy) || has(self.spec.priorities)',
      message: 'spec.priorityPolicy says what happens to jobs outside spec.priorities; declare these, or remove it',
      fieldPath: '.spec.priorityPolicy',
    },
    {
      rule: '!has(self.spec.dlqPolicy) || has(self.spec.dlqPolicy.enabled) || !(has(self.spec.dlqPolicy.maxRetries) || has(self.spec.dlqPolicy.retentionDays))',
      message:
        'spec.dlqPolicy does nothing without enabled; set enabled: true, or false to switch it off and keep its fields',
      fieldPath: '.spec.dlqPolicy.enabled',
    },
    {
      rule: `${effectivePrefix('self')} == ${effectivePrefix('oldSelf')}`,
      message: `spec.redis.prefix is immutable (absent, it is ${DEFAULT_PREFIX}); create another Queue for another prefix`,
      fieldPath: '.spec.redis.prefix',
    },
  ],
  columns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    {
      name: 'Available',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Available")].status',
      description: 'Whether Redis answers, so that jobs can be added and taken.',
    },
    {
      name: 'Waiting',
      type: 'integer',
      jsonPath: '.status.counts.depth',
      description: 'Jobs that could start now: waiting, prioritized and overdue ones.',
    },
    { name: 'Active', type: 'integer', jsonPath: '.status.counts.active', description: 'Jobs that run.' },
    { name: 'Delayed', type: 'integer', jsonPath: '.status.counts.delayed', description: 'Jobs for later.' },
    { name: 'Failed', type: 'integer', jsonPath: '.status.counts.failed', description: 'Jobs that failed.' },
    { name: 'Dead', type: 'integer', jsonPath: '.status.counts.dead', description: 'Dead letters.' },
    { name: 'Wait-P95', type: 'string', jsonPath: '.status.waitP95', description: '95th percentile of recent waits.' },
    {
      name: 'Paused',
      type: 'boolean',
      jsonPath: '.status.effective.paused',
      description: 'Whether workers start no jobs.',
    },
    { name: 'Redis-Name', type: 'string', jsonPath: '.status.effective.name', priority: 1 },
    {
      name: 'Degraded',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Degraded")].status',
      description: 'Whether it serves worse than it should.',
      priority: 1,
    },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', priority: 1 },
  ],
  reasons: QUEUE_REASONS,
  available:
    'its Redis answers, so that jobs can be added and taken. `Unknown` while there is no way to Redis or it refuses the credentials',
  notices: [
    { type: 'BurstCapped', meaning: 'the requested burst cannot be kept exactly. Present only while True.' },
    {
      type: 'DeadLettersLost',
      meaning:
        'jobs were removed by removeOnFail before they could become dead letters, the last of them within the last hour. Present only while True.',
    },
    {
      type: 'DeletionBlocked',
      meaning:
        'the object is being deleted and its Redis cannot be reached, or refuses; after 5 minutes the data stays and the object goes. Present only while True.',
    },
    {
      type: 'Drained',
      meaning: 'no job has waited, run or been delayed for 60 s. Present only while spec.retire is true.',
    },
    {
      type: 'FailedJobsLeft',
      meaning: 'dlqPolicy leaves some failed jobs where they are. Present only while True.',
    },
    {
      type: 'FormerRedisHeld',
      meaning:
        'a Redis that the queue has left, listed in formerRedis, has or may have the owner mark and settings of this Queue. Present only while True.',
    },
    {
      type: 'PrioritiesViolated',
      meaning: 'jobs in line have a priority that spec.priorities does not declare, or none. Present only while True.',
    },
    {
      type: 'RetentionBehind',
      meaning:
        'finished jobs are over their time, or the queue is over maxBytes with nothing left to remove. Present only while True.',
    },
    {
      type: 'HeldByRestore',
      meaning:
        'a QueueRestore fills the queue, holds it, or has left it paused; the message has its uid. Present only while True.',
    },
    { type: 'MaxmemoryPolicy', meaning: 'Redis may drop jobs when its memory runs out. Present only while True.' },
    {
      type: 'SamplingFailed',
      meaning:
        'counts or waits cannot be read, or not be written into the status, since lastTransitionTime, so those in the status are of sampledAt. Present only while True.',
    },
    {
      type: 'UpkeepFailed',
      meaning:
        'dead letters, retention or priorities cannot be seen to in Redis; Ready tells whether the rest holds. Present only while True.',
    },
    {
      type: 'WorkerLimiter',
      meaning:
        'workers have a limiter of their own, which a queue shows while it is busy: looked for every five minutes, and said until 15 minutes have passed since status.workerLimiterSeenAt. Present only while True.',
    },
  ],
  examples: [
    {
      title: 'A queue that exists already: its jobs are counted, and nothing is changed.',
      object: { apiVersion: API_VERSION, kind: 'Queue', metadata: { name: 'emails' }, spec: {} },
    },
    {
      title: 'A queue with limits, retention and dead letters.',
      object: {
        apiVersion: API_VERSION,
        kind: 'Queue',
        metadata: { name: 'emails' },
        spec: {
          priorities: [1, 5, 10],
          rateLimits: { maxJobsPerSecond: 100, burstCapacity: 200 },
          dlqPolicy: { enabled: true, maxRetries: 3, retentionDays: 14 },
          priorityPolicy: 'Clamp',
          retention: { completedJobs: '24h', failedJobs: '7d', maxEvents: 1000 },
          globalConcurrency: 50,
        },
      },
    },
  ],
};
