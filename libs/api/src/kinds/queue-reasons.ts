import { COMMON_REASONS, type ReasonTable } from './reasons.ts';

/** Every reason that a Queue's conditions and events give. */
export const QUEUE_REASONS = {
  ...COMMON_REASONS,
  Applied: { kind: 'ready', doc: 'Everything that the spec manages is in effect in Redis.' },
  RedisAnswers: { kind: 'notice', doc: 'Redis answers, so jobs can be added and taken.' },
  Observed: {
    kind: 'ready',
    doc: 'adoptionPolicy is Observe: nothing is written; status.plan lists what would change.',
  },

  SecretNotFound: { kind: 'retries', doc: 'The Secret does not exist in the namespace of the Queue; create it.' },
  RedisUnreachable: { kind: 'retries', doc: 'No connection to Redis: check host, port, TLS and network policies.' },
  RedisBusy: { kind: 'retries', doc: 'Redis loads its data or runs a long script.' },
  RedisReadOnly: { kind: 'retries', doc: 'The address is a replica; use the address of the primary.' },
  RedisOutOfMemory: { kind: 'retries', doc: 'Redis has reached maxmemory and refuses writes.' },
  QueueUnreadable: {
    kind: 'stalled',
    doc: 'A key of the queue holds another type than BullMQ gives it; the message says more. Remove the key or the job that made it.',
  },
  RedisError: {
    kind: 'retries',
    doc: 'Redis refused a command for a reason that this release does not know; see the log of Redis.',
  },
  OwnershipLost: {
    kind: 'progressing',
    doc: 'Another claimant changed the owner mark meanwhile; the queue is reconciled again.',
  },
  Restoring: {
    kind: 'retries',
    doc: 'spec.paused is false, and a QueueRestore fills the queue, which stays paused until all of its jobs are there and compared.',
  },
  Deleting: {
    kind: 'progressing',
    doc: 'The data in Redis is being removed, in rounds; the message says how many jobs are left.',
  },
  DeletionDelayed: {
    kind: 'progressing',
    doc: 'The data is removed a minute after the deletion, unless another Queue claims it until then and inherits it; annotate the Queue with redis-queue.io/force-delete=true to remove it now.',
  },
  ActiveJobs: {
    kind: 'progressing',
    doc: 'The queue was paused, and its data is removed once no job is active; annotate the Queue with redis-queue.io/force-delete=true to remove it now.',
  },
  WaitingChildren: {
    kind: 'stalled',
    doc: 'Flow parents of this queue wait for children in other queues; finish these, or annotate the Queue with redis-queue.io/force-delete=true.',
  },

  SecretNotPermitted: {
    kind: 'stalled',
    doc: 'The controller may not read a Secret of this name; add it to the Helm value that the message names, or use a permitted name.',
  },
  SecretInvalid: {
    kind: 'stalled',
    doc: 'The Secret lacks a key, holds one that cannot be read, two that say where Redis is, or one for TLS that nothing turns on; the message names the key.',
  },
  PrefixReserved: {
    kind: 'stalled',
    doc: 'Its keys would be those of the bus, by spec.redis.prefix, or of scratch restores, by that or its name, so nothing is read or written there; create another Queue, with the prefix or name that the message asks for.',
  },
  MixedRedis: {
    kind: 'stalled',
    doc: 'The Secrets of spec.redis.secretRefs lead to different servers or databases; the message says which. Correct one.',
  },
  RedisAuthFailed: { kind: 'stalled', doc: 'Redis refused the user or password; correct the Secret.' },
  RedisNoPermission: {
    kind: 'stalled',
    doc: 'The Redis user lacks a permission; docs/redis-users.md has the rights of each role.',
  },
  RedisTooOld: { kind: 'stalled', doc: 'Redis 7.0 or Valkey 7.2 is needed.' },
  WaitingForOwner: {
    kind: 'progressing',
    doc: 'Another Queue object governs the same queue, and this one is new: it takes the queue over when that one goes, as when GitOps moves a Queue. Two minutes after its creation this is a Conflict.',
  },
  Conflict: {
    kind: 'stalled',
    doc: 'Another Queue object governs the same queue, or is older and claims it; delete one of the two.',
  },
  OwnedByOtherCluster: {
    kind: 'stalled',
    doc: 'A Queue of another cluster governs the queue. If that one is gone, annotate this one with redis-queue.io/take-over=true.',
  },
  OwnerMarkUnreadable: {
    kind: 'stalled',
    doc: 'A later release has marked the queue. Upgrade, or annotate the Queue with redis-queue.io/take-over=true.',
  },
  QueueExists: { kind: 'stalled', doc: 'adoptionPolicy is Refuse and the queue exists in Redis already.' },

  SchedulerInvalid: {
    kind: 'stalled',
    doc: 'A job scheduler of the spec cannot run: the message names the field. It stays in Redis as it was, and everything else is in effect; correct the field.',
  },
  Draining: {
    kind: 'notice',
    doc: 'retire is set, and jobs wait, run or are delayed, or did within the last 60 s; the message has their numbers.',
  },
  Empty: { kind: 'notice', doc: 'retire is set, and no job has waited, run or been delayed for 60 s.' },

  HeldByRestore: {
    kind: 'degraded',
    doc: 'A QueueRestore has the queue, which stays paused until it ends. Where the QueueRestore is gone or has failed, annotate the Queue with redis-queue.io/end-restore=<uid>, as the message says.',
  },
  EndingRestore: {
    kind: 'progressing',
    doc: 'As the annotation redis-queue.io/end-restore asks, what a restore has left is being finished or removed.',
  },
  BurstCapped: {
    kind: 'notice',
    doc: 'The burst would need a window shorter than 100 ms or longer than 5 s; status.effective has the limit in effect.',
  },
  RateLimitOverridden: {
    kind: 'degraded',
    doc: "Workers have a limiter of their own (option limiter of BullMQ's Worker), whose duration takes the place of the one of spec.rateLimits; take the option out of the workers.",
  },
  WorkerLimiter: {
    kind: 'notice',
    doc: "Workers have a limiter of their own (option limiter of BullMQ's Worker), and each may have another; spec.rateLimits sets one for all.",
  },
  DeadLettersLost: {
    kind: 'degraded',
    doc: 'Jobs failed for good and removeOnFail removed them before they could become dead letters; the message says how many at least. Let producers and workers keep failed jobs, for five minutes at least.',
  },
  FlowJobsLeft: {
    kind: 'notice',
    doc: 'Failed jobs that belong to flows are neither run again nor moved, since the flow may depend on them; retry or remove them with BullMQ.',
  },
  FailedJobsUnreadable: {
    kind: 'notice',
    doc: 'The list of failed jobs names some that BullMQ did not fail; the message has their ids. Remove them.',
  },
  RetentionLate: {
    kind: 'notice',
    doc: 'Finished jobs are over their time by more than ten minutes. They are removed at a pace that leaves Redis to the workers: wait, or keep jobs for less time by removeOnComplete.',
  },
  OverMaxBytes: {
    kind: 'degraded',
    doc: 'The queue uses more memory than spec.retention.maxBytes, and no finished job is left that may go. Let workers catch up, or raise maxBytes.',
  },
  JobsWithoutPriority: {
    kind: 'notice',
    doc: 'Jobs in line have no priority, so BullMQ serves them before those of spec.priorities. Add them with one, or set spec.priorityPolicy to Clamp.',
  },
  UndeclaredPriorities: {
    kind: 'notice',
    doc: 'Jobs in line have a priority that spec.priorities does not declare. Add them with a declared one, declare it, or set spec.priorityPolicy to Clamp.',
  },
  DeadLettersMoved: { kind: 'notice', doc: 'Jobs that failed for good were moved to the dead-letter queue.' },
  FailedJobsRetried: { kind: 'notice', doc: 'Failed jobs run again, as spec.dlqPolicy.maxRetries allows.' },
  DeadLettersExpired: { kind: 'notice', doc: 'Dead letters older than spec.dlqPolicy.retentionDays were removed.' },
  FinishedJobsRemoved: { kind: 'notice', doc: 'Finished jobs over a limit of spec.retention were removed.' },
  PrioritiesClamped: { kind: 'notice', doc: 'Jobs were given a priority of spec.priorities, as priorityPolicy asks.' },
  EvictionEnabled: {
    kind: 'notice',
    doc: 'maxmemory-policy is not noeviction: Redis may drop jobs when memory runs out.',
  },
  Adopted: { kind: 'notice', doc: 'The Queue has taken the queue over.' },
  ReleasingFormerRedis: {
    kind: 'notice',
    doc: 'The Secret leads to another Redis than before; what this Queue manages in the former one is being cleared, or stays for now, for the reason in the message. Jobs there stay.',
  },
  FormerRedisReleased: {
    kind: 'notice',
    doc: 'The owner mark and the settings of this Queue were cleared in a Redis that it has left. Jobs there stay.',
  },
  FormerRedisForgotten: {
    kind: 'notice',
    doc: 'As its annotation redis-queue.io/forget-former-redis asks, what this Queue manages in a Redis that it has left stays there.',
  },
  FormerRedisHeld: {
    kind: 'degraded',
    doc: 'A Redis that the queue has left still has the owner mark and settings of this Queue, for the reason in the message. Put its credentials into another Secret that the controller may read, in the namespace of the Queue; or, if it is gone or is to stay as it is, annotate the Queue with redis-queue.io/forget-former-redis=<address>.',
  },
  PolicyApplied: { kind: 'notice', doc: 'A change of the spec was written to Redis.' },
  DriftRepaired: { kind: 'notice', doc: 'Somebody else had changed a managed setting in Redis; it was set back.' },
  DataRemoved: { kind: 'notice', doc: 'The data of the deleted Queue was removed from Redis.' },
  DataRetained: { kind: 'notice', doc: 'The Queue was deleted and its data stays in Redis, for the reason given.' },
} as const satisfies ReasonTable;

export type QueueReason = keyof typeof QUEUE_REASONS;
