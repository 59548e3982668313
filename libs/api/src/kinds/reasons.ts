export type ReasonKind =
  /** Not known yet. */
  | 'pending'
  /** The object is in its desired state. */
  | 'ready'
  /** On the way to its desired state, as it should be. */
  | 'progressing'
  /** Trouble; the controller tries again by itself. */
  | 'retries'
  /** Nothing changes until a person acts. */
  | 'stalled'
  /** Trouble beside Ready: the object serves, but worse than it should. */
  | 'degraded'
  /** Used by conditions other than Ready, and by events: nothing is wrong. */
  | 'notice';

export interface ReasonDoc {
  readonly kind: ReasonKind;
  /** What it means and what to do, for the reference page. */
  readonly doc: string;
}

/** The reasons of a kind. They are part of the API: alerts and scripts match them. */
export type ReasonTable = Readonly<Record<string, ReasonDoc>>;

/**
 * Reasons that every kind has: for objects that no controller has seen, for Degraded while nothing is wrong, and for
 * failures outside the kind itself.
 */
export const COMMON_REASONS = {
  Pending: { kind: 'pending', doc: 'No controller has seen the object yet.' },
  NeverAvailable: { kind: 'notice', doc: 'Degraded is Unknown: the object has not been Available yet.' },
  AsExpected: { kind: 'notice', doc: 'Degraded is False: nothing is known to make the object serve worse.' },
  ApiForbidden: {
    kind: 'stalled',
    doc: "The controller's ServiceAccount lacks a right; the message names it. The role of the chart has it; check which role is bound.",
  },
  ApiQuotaExceeded: {
    kind: 'retries',
    doc: 'A ResourceQuota of the namespace refuses an object of the controller; the message has its numbers. Raise it or make room.',
  },
  ApiRequestTooLarge: {
    kind: 'stalled',
    doc: 'What would be written is too large for the API server; shorten the spec.',
  },
  ApiRequestRefused: {
    kind: 'stalled',
    doc: 'The API server, an admission policy or a webhook refuses what would be written; the message says why.',
  },
  ApiThrottled: { kind: 'retries', doc: 'The API server is busy and asks to wait.' },
  ApiUnavailable: {
    kind: 'retries',
    doc: 'The API server, or a webhook that it calls, failed or did not answer; the message says which request.',
  },
  ReconcileTimeout: {
    kind: 'retries',
    doc: 'A part that the controller needs, such as Redis or the API server, does not answer; the object is tried again.',
  },
  WaitingForTurn: {
    kind: 'progressing',
    doc: 'The controller has not come to the object for seconds, or has no connection for it; the message says which share is used up.',
  },
  InternalError: {
    kind: 'retries',
    doc: "A fault of the controller; its log has the details. Please report it with the object's spec.",
  },
} as const satisfies ReasonTable;

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
    doc: 'spec.redis.prefix is the one of the bus, so nothing is read or written there; create another Queue with another prefix.',
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

/** Every reason that a WorkerPool's conditions and events give. */
export const WORKER_POOL_REASONS = {
  ...COMMON_REASONS,
  RolledOut: {
    kind: 'ready',
    doc: 'The newest spec is in effect: no pod of an earlier version or template is left. Whether pods are ready is said by Available.',
  },

  Progressing: {
    kind: 'progressing',
    doc: 'The first pods start, or those of an earlier version or template are being replaced.',
  },
  MinimumReplicasUnavailable: {
    kind: 'retries',
    doc: 'Pods are asked for and none is ready. Ready says so once that has lasted for spec.rollout.progressDeadline.',
  },
  QueueNotFound: {
    kind: 'retries',
    doc: 'A name in spec.queues is no Queue of this namespace; create it or correct the name.',
  },
  SecretNotFound: { kind: 'retries', doc: 'The Secret of the Queues does not exist in this namespace; create it.' },
  FormerDeployment: {
    kind: 'progressing',
    doc: 'The Deployment of a deleted WorkerPool of this name is still being removed.',
  },
  PodsRejected: { kind: 'retries', doc: 'Pods cannot be created; the message says why.' },
  QuotaExceeded: {
    kind: 'retries',
    doc: 'A ResourceQuota of the namespace refuses pods; the message has its numbers. Raise it, or lower spec.resources or the size.',
  },
  LimitRangeExceeded: {
    kind: 'retries',
    doc: 'A LimitRange of the namespace refuses pods; the message has its numbers. Change it or spec.resources.',
  },
  Unschedulable: {
    kind: 'progressing',
    doc: "No node has room for some pods; the message is the scheduler's. Add nodes, or lower spec.resources.requests.",
  },
  CrashLooping: { kind: 'retries', doc: 'The container of some pods exits again and again; see its log.' },
  ImageFailing: {
    kind: 'retries',
    doc: 'The image of some pods cannot be pulled, or a ConfigMap or Secret that they name is missing.',
  },

  ProgressDeadlineExceeded: {
    kind: 'stalled',
    doc: 'Pods of a new version or template did not become ready within spec.rollout.progressDeadline; the message says why. Set a version that works, or let spec.rollout.autoRollback roll it back.',
  },
  PrefixReserved: {
    kind: 'stalled',
    doc: 'A Queue of spec.queues has the prefix of the bus, where no worker may run jobs; use another Queue.',
  },
  MixedRedis: {
    kind: 'stalled',
    doc: 'The Queues of spec.queues use different Secrets or TLS settings, and a pool serves one Redis: split the pool. Or the Secret for worker pods leads to another server or database than a Queue is at: correct it. The message says which.',
  },
  SecretNotPermitted: {
    kind: 'stalled',
    doc: 'The operator may not read a Secret of this name; add it to the Helm value that the message names.',
  },
  SecretInvalid: {
    kind: 'stalled',
    doc: 'The Secret of the Queues lacks a key, holds one that cannot be read, two that say where Redis is, or one for TLS that nothing turns on; the message names the key.',
  },
  RolledBack: {
    kind: 'stalled',
    doc: 'Pods of spec.version did not become ready in time, and the last good version runs again; the message says why. Set a version that works, or change what kept it from starting.',
  },
  DisruptionBudgetExists: {
    kind: 'stalled',
    doc: 'A PodDisruptionBudget of this name belongs to somebody else; delete it or rename the pool.',
  },
  DeploymentExists: {
    kind: 'stalled',
    doc: 'A Deployment of this name belongs to somebody else; delete it or rename the pool.',
  },
  TemplateInvalid: {
    kind: 'stalled',
    doc: 'spec.template sets a field that the controller owns, or the API server, a policy or a webhook refuses the Deployment; the message names the field. Only the size was changed; correct the field.',
  },

  MinimumReplicasAvailable: { kind: 'notice', doc: 'At least one pod is ready, or none is asked for.' },
  ReplicasMissing: {
    kind: 'degraded',
    doc: 'Fewer pods are ready than asked for, and some have not become ready within spec.rollout.progressDeadline.',
  },
  Disabled: { kind: 'notice', doc: 'Autoscaling is off: spec.replicas sets the size.' },
  WaitingForDecision: {
    kind: 'notice',
    doc: 'No decision of the autoscaler has arrived. A pool that never had one runs at least spec.replicas pods, within its bounds, from a minute after its creation. Any other pool keeps its size. Check that the autoscaler is installed and uses the same bus.',
  },
  BusUnavailable: {
    kind: 'degraded',
    doc: 'No decision can arrive: the Secret of the bus is missing or cannot be read, or its Redis cannot be reached or refuses the user; the message says which. Pools keep their size; one that never had a decision runs spec.replicas without a Secret, and at least that otherwise.',
  },
  Decided: { kind: 'notice', doc: 'The size follows the decisions of the autoscaler.' },
  SensorFailed: {
    kind: 'degraded',
    doc: 'A queue cannot be read, so the pool keeps its size; the message says which and why. Check its Redis, Secret and network policies.',
  },
  StaleData: {
    kind: 'degraded',
    doc: 'The newest sample of a queue is too old, so the pool keeps its size. Check whether Redis is slow or the autoscaler short of CPU.',
  },
  QueueMissing: {
    kind: 'degraded',
    doc: 'A name in spec.queues is no Queue of this namespace, so the pool keeps its size; create it or correct the name.',
  },
  ReadyForNewScale: { kind: 'notice', doc: 'Nothing keeps the autoscaler from changing the size.' },
  ScaleDownStabilized: {
    kind: 'notice',
    doc: 'Fewer pods would do now; the pool shrinks once that has lasted. status.autoscaling.heldBy says what it waits for.',
  },
  ScaleUpStabilized: {
    kind: 'notice',
    doc: 'More pods are needed now; the pool grows once that has lasted for behavior.scaleUp.stabilizationWindowSeconds.',
  },
  JobsFailing: {
    kind: 'notice',
    doc: 'Most finished jobs failed, and more pods would fail more of them: the pool does not grow until that changes. Check the failed jobs.',
  },
  PodsFailing: {
    kind: 'degraded',
    doc: 'Pods of the pool crash or cannot start: the pool does not grow until they run. PodsBlocked says why they do not.',
  },
  QuotaExhausted: {
    kind: 'degraded',
    doc: 'The namespace admits no more pods: the pool does not grow until it does. PodsBlocked has the numbers.',
  },
  RedisSaturated: {
    kind: 'degraded',
    doc: 'Redis is at its limit, and more workers would only add load: the pool does not grow until it answers fast again and has memory.',
  },
  ConnectionsExhausted: {
    kind: 'degraded',
    doc: 'Redis takes a limited number of connections (maxclients), and nine tenths are used, or would be with more pods: the pool does not grow until some are free. Raise maxclients, or run more jobs per pod (spec.concurrency) in fewer pods.',
  },
  Held: {
    kind: 'notice',
    doc: 'The autoscaler keeps the size for a reason that this release does not know; the message has it in full.',
  },
  DesiredWithinRange: {
    kind: 'notice',
    doc: 'No bound or step limit of the spec keeps the size from following the demand.',
  },
  TooManyReplicas: {
    kind: 'notice',
    doc: 'The demand is for more pods than maxReplicas allows; the message says how many. Raise it, or accept longer waits.',
  },
  ScaleUpLimit: {
    kind: 'notice',
    doc: 'behavior.scaleUp keeps the pool from growing at once to the size that is needed.',
  },
  ScaleDownLimit: {
    kind: 'notice',
    doc: 'behavior.scaleDown keeps the pool from shrinking to the size that would do.',
  },
  ReplicasContested: {
    kind: 'degraded',
    doc: "Somebody else writes the Deployment's replicas. What kubectl wrote once is set back after five minutes; what an autoscaler or one who comes back writes is not made smaller. Remove the other writer, then annotate the WorkerPool with redis-queue.io/take-over-replicas and any new text, or run the command in the message.",
  },
  ReplicasTakenOver: {
    kind: 'notice',
    doc: "The size is the pool's again, as the annotation redis-queue.io/take-over-replicas asked: with autoscaling decisions go on from it, without it spec.replicas applies.",
  },
  DeploymentCreated: { kind: 'notice', doc: 'The Deployment was created.' },
  DeploymentUpdated: {
    kind: 'notice',
    doc: 'A change of the spec, its Queues or their Secret was applied to the Deployment.',
  },
  DriftRepaired: {
    kind: 'notice',
    doc: 'Somebody else had changed a field of the Deployment or PodDisruptionBudget that the pool manages, or its replicas; it was set back.',
  },
  ScaledUp: { kind: 'notice', doc: 'The pool has grown; the message says from what to what and why.' },
  ScaledDown: { kind: 'notice', doc: 'The pool has shrunk; the message says from what to what and why.' },
  ScalingHeld: {
    kind: 'notice',
    doc: 'Missing data or trouble has kept the autoscaler from changing the size for half a minute; the message says what.',
  },
  ScalingLimited: { kind: 'notice', doc: 'maxReplicas has kept the pool from growing for half a minute.' },
  RolloutComplete: { kind: 'notice', doc: 'All pods run the version and are ready.' },
  UnknownDecisionVersion: {
    kind: 'degraded',
    doc: 'The autoscaler publishes a later major version of the bus schema than this controller reads; upgrade the workerpool-controller.',
  },
  ConfigNotTracked: {
    kind: 'notice',
    doc: 'spec.template names a Secret that this controller may not read, so its changes do not replace the pods; add it to the Helm value workers.secretNames (workerpool-controller.workers.secretNames of the chart redis-queue).',
  },
} as const satisfies ReasonTable;

export type WorkerPoolReason = keyof typeof WORKER_POOL_REASONS;
