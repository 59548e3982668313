export { ACL_RULES } from './connections/acl.ts';
export { addressOf, isOtherAddress } from './connections/address.ts';
export { classifyRedisError, type RedisErrorReason, type RedisProblem } from './connections/errors.ts';
export type { Certificates } from './connections/client-certificate.ts';
export {
  boundRedisSecret,
  parseCertificates,
  parseRedisSecret,
  readerOf,
  readRedis,
  type ParsedTarget,
  type ReadKey,
  type RedisWords,
  type TlsSpec,
} from './connections/redis-secret.ts';
export {
  connectionKey,
  describeTarget,
  serverOf,
  type HostAndPort,
  type RedisAddress,
  type RedisSentinels,
  type RedisTarget,
  type RedisTls,
} from './connections/target.ts';
export { openRedis } from './connections/open-redis.ts';
export type { TlsSettings } from './connections/tls-settings.ts';
export {
  RedisConnections,
  type ConnectionUse,
  type RedisConnectionsOptions,
  type ShareUsedUp,
} from './connections/connections.ts';
export {
  ConnectionShareError,
  ConnectionShares,
  type ConnectionLease,
  type ConnectionLimits,
} from './connections/connection-shares.ts';
export { dropStuckCluster, readInTime } from './connections/read-in-time.ts';
export { readLastRun } from './sampling/last-run.ts';
export { hasHashTag, queueId, queueKey, QUEUES_PER_CALL, type QueueRef } from './redis/keys.ts';
export {
  isAsLimited,
  windowLength,
  type EarlierReading,
  type RunningWindow,
  type WindowLength,
} from './policy/limiter-window.ts';
export { effectiveRateLimit, type EffectiveRateLimit, type RateLimitWindow } from './policy/rate-limit.ts';
export {
  formatOwner,
  formatOwnerMark,
  MANAGED_FIELDS,
  OWNER_FIELD,
  ownMark,
  parseOwner,
  parseOwnerMark,
  tryToClaim,
  writeMeta,
  type FencedWrite,
  type ManagedField,
  type OwnerMark,
  type OwnerName,
  type QueueRemoval,
} from './ownership/owner-mark.ts';
export { assertGovernedBy, governedBy, GovernedByAnotherError } from './ownership/governor.ts';
export { CLAIM_TTL_MS, CLAIMS_FIELD, leaveClaim, type QueueClaim } from './ownership/queue-claims.ts';
export {
  GLOBAL_CONCURRENCY_FIELD,
  MAX_EVENTS_FIELD,
  RATE_LIMIT_FIELDS,
  rateLimitFields,
  readQueuePolicy,
  setPaused,
  type ObservedPolicy,
} from './policy/policy.ts';
export { digestPolicies } from './policy/digest-policies.ts';
export { NO_DIGEST, type PolicyDigest } from './ownership/policy-digest.ts';
export {
  listedSchedulers,
  readSchedulers,
  removeScheduler,
  upsertScheduler,
  type SchedulerFence,
  type SchedulerState,
} from './job-schedulers/job-schedulers.ts';
export { SCHEDULERS_FIELD, type JobScheduler } from './job-schedulers/definition.ts';
export { scheduleProblem, type Schedule, type ScheduleProblem } from './job-schedulers/schedule.ts';
export type { Decision, LeftReason } from './dead-letters/decide.ts';
export type { DeadLetterFence } from './dead-letters/dead-letter-fence.ts';
export { compileFilter, type CompiledFilter, type LetterFilter } from './dead-letters/filter.ts';
export type { DeadLetter, LetterCursor } from './dead-letters/dead-letter-page.ts';
export { countLostLetters, LOST_FIELDS, type LostLetters } from './dead-letters/dead-letters-lost.ts';
export { settleFailedJobs, type MoverOptions, type MoverRound } from './dead-letters/dead-letter-mover.ts';
export { deadLetterQueue, letterSourceOf } from './dead-letters/dead-letter-queue.ts';
export {
  planRedrive,
  readRedriven,
  readRedriveState,
  redriveStep,
  type RedriveOptions,
  type RedrivePlan,
  type RedriveState,
  type RedriveStep,
} from './dead-letters/dead-letter-redrive.ts';
export { removeExpiredLetters, type ExpiryRound } from './dead-letters/dead-letter-expiry.ts';
export { sampleHolders, type ActiveHolders, type HoldersOptions } from './sampling/holders.ts';
export {
  headAgeMs,
  readyJobs,
  sampleBacklogs,
  sampleQueues,
  trySampleBacklogs,
  trySampleQueues,
  type BacklogOptions,
  type BacklogSample,
  type BacklogFields,
  type QueueSample,
  type SampleOptions,
} from './sampling/sample.ts';
export {
  MAX_SAMPLED_JOBS,
  sampleFinished,
  sampleFinishedOf,
  trySampleFinishedOf,
  type FinishedQuery,
  type FinishedSample,
  type FinishedWatermark,
  type SetWatermark,
} from './sampling/finished.ts';
export { hasWorkers, obliterateRound, type ObliterateOutcome, type ObliterateRound } from './ownership/obliterate.ts';
export { reconnectWhenSilent, retryAfterMs } from './connections/silence.ts';
export type { Sampled } from './redis/sampled.ts';
export { readClientIdleTimes, type ClientIdleTimes } from './redis/client-idle-times.ts';
export { readServerPressure, type ServerClients, type ServerPressure } from './redis/pressure.ts';
export { readServerInfo, type ServerInfo } from './connections/server.ts';
export { readServerMemory, type ServerMemory } from './sampling/server-memory.ts';
export { ClusterWakeups, type ClusterWakeupsOptions } from './sampling/cluster-wakeups.ts';
export { QueueWakeups, type QueueWakeupsOptions, type Wakeups } from './sampling/wakeups.ts';
export { MOST_USAGE_REPORTS, sampleUsage, type PodUsageReport, type UsagePlace } from './sampling/usage.ts';
export { isAnswer, MAX_TIME_MS, ProtocolError } from './redis/reply.ts';
export { retentionLimits, type RetentionLimits } from './retention/limits.ts';
export { type SizeEstimate } from './retention/size-estimate.ts';
export {
  retentionRound,
  type LimitedQueue,
  type RetentionCursors,
  type RetentionResult,
} from './retention/retention-round.ts';
export { STEP_VALID_MS, type RoundOptions } from './rounds/paced-turns.ts';
export { restMs } from './redis/pace.ts';
export { FairTurns } from './rounds/fair-turns.ts';
export { abandonRestore, type EndOptions } from './restore/abandon-restore.ts';
export { beginRestore, type BeginOptions, type RestoreStart } from './restore/begin-restore.ts';
export { endRestore, type RestoreEnd } from './restore/end-restore.ts';
export { lookAtTarget, type TargetState } from './restore/look-at-target.ts';
export { MemoryEstimate } from './restore/memory-estimate.ts';
export { removeScratch, type RemovalOptions } from './restore/remove-scratch.ts';
export { readRestorePhase } from './restore/restore-phase.ts';
export {
  RESTORE_FIELD,
  RestoreIncompleteError,
  RestoreLostError,
  type RestoreMark,
  type RestorePhase,
} from './ownership/restore-mark.ts';
export { RecordWriter, type Pace, type RecordWriterOptions, type RestoreSummary } from './restore/record-writer.ts';
export {
  OpenFlowError,
  OpenFlowsFinder,
  type OpenFlowList,
  type OpenFlows,
  type Rename,
} from './restore/flow-links.ts';
export { verifyRestore, type VerifyOptions } from './restore/verify-restore.ts';
export { type Differences } from './restore/differences.ts';
export { assertPlaced, completeRestore, type RestoreCompletion } from './restore/complete-restore.ts';
export { WouldRun, type WouldRunOfQueue } from './restore/would-run.ts';
export { tryReadMarks, type MarkedQueue } from './ownership/marks.ts';
export { clampPriorities, tryCountPriorities, type ClampedJobs, type PriorityCounts } from './priorities/priorities.ts';
export { priorityRound, type PrioritizedQueue, type PriorityResult } from './priorities/priority-round.ts';
export { clampTo, type Clamping } from './priorities/declared.ts';
export { whileLeading, type RedisCall, type Refusal, type StepFence, type StepOutcome } from './rounds/step.ts';
export {
  MAX_INDEX_ENTRIES,
  parseQueueRecord,
  queueRecord,
  STATES,
  type IndexEntry,
  type QueueRecord,
  type RecordOf,
  type State,
  type Value,
} from './snapshot/records.ts';
export { checkSnapshot, snapshotQueue, type SnapshotOptions } from './snapshot/snapshot-queue.ts';
export { type SnapshotChanges } from './snapshot/changed-jobs.ts';
export { WriteWatch, type QueueWrites } from './snapshot/write-watch.ts';
export { JobDigests, TooManyJobsError } from './snapshot/job-digests.ts';
export { QueueRestoringError } from './snapshot/queue-restoring-error.ts';
export { UnreadableKeyError } from './redis/unreadable-key-error.ts';
