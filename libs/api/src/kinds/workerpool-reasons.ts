import { COMMON_REASONS, type ReasonTable } from './reasons.ts';

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
  OOMKilled: {
    kind: 'notice',
    doc: 'A container of a pod used more memory than its limit, or its node had no more, and was killed; the message names the pod, the limit and how often it happened. Raise the memory limit, or lower spec.concurrency.',
  },
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
    doc: 'A Queue of spec.queues has the keys of the bus or of scratch restores, where no worker may run jobs; use another Queue.',
  },
  MixedRedis: {
    kind: 'stalled',
    doc: 'The Queues of spec.queues use different Secrets or TLS settings, and a pool serves one Redis: split the pool. Or the Secret for worker pods leads to another server or database than a Queue is at: correct it. The message says which.',
  },
  HashTagMissing: {
    kind: 'stalled',
    doc: 'A Queue of spec.queues is on a Redis Cluster, which cannot hold its keys together: neither its prefix nor its name has a hash tag, as in {bull}. Create another Queue with one.',
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
  HandlersStuck: {
    kind: 'degraded',
    doc: "Handlers go on although their jobs have failed by the Queue's jobTimeout, and each has taken a slot from its pod until it ends; the message names the pods. Have handlers listen to their signal. A pod with no slot left is restarted by its liveness probe.",
  },
  QueueNotConsumed: {
    kind: 'degraded',
    doc: 'For a minute no job has left the line of a queue although pods are ready with free slots, and the queue is neither paused nor held by a rate limit or global concurrency; the message says which, since when, how many jobs wait and how many slots are free. Read the log of the pods; delete a pod that hangs.',
  },
  PodsStuck: {
    kind: 'degraded',
    doc: 'Ready pods have not spoken to the Redis of the queues for minutes, and spec.replaceStuck replaces them one by one; the message names them and says what the next one waits for: pods that start, the PodDisruptionBudget, or five minutes since the last one.',
  },
  ReplacedInVain: {
    kind: 'degraded',
    doc: 'A pod that spec.replaceStuck replaced was followed by one that does not speak to Redis either, so no further one is replaced. Read its log; it goes on once a pod that has started since speaks to Redis.',
  },
  ReplacementForbidden: {
    kind: 'degraded',
    doc: 'The controller may not evict pods, so spec.replaceStuck has no effect: set the Helm value workers.replaceStuck of the chart workerpool-controller, or see which policy refuses it in the message.',
  },
  ClientsUnknown: {
    kind: 'degraded',
    doc: 'spec.replaceStuck has no effect while the autoscaler cannot see who speaks to Redis; the message says why: the user of the sampler may not list clients, there are too many connections, or no pod connects from its own address.',
  },
  PodReplaced: {
    kind: 'notice',
    doc: 'A pod that had not spoken to Redis for minutes was deleted, as spec.replaceStuck asks; its ReplicaSet starts another.',
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
  WakeUpsPolled: {
    kind: 'degraded',
    doc: 'The size follows the decisions of the autoscaler, but a Redis of the pool does not notify of new jobs, so that a pool at zero wakes up to a second late; the message says why. Give the user of the sampler the rights in docs/redis-users.md, or wait until Redis is back.',
  },
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
    doc: 'More than half of the pods crash or cannot start: the pool does not grow until they run. PodsBlocked says why they do not.',
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
