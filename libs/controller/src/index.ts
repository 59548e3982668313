export * from './time/clock.ts';
export { clipText } from './objects/clip-text.ts';
export * from './objects/conditions.ts';
export * from './finalizers/finalizers.ts';
export type { HeldKind } from './finalizers/release-finalizers.ts';
export * from './objects/owner-references.ts';
export * from './objects/resources.ts';
export * from './objects/restored-object.ts';
export { loopTurns } from './time/loop-turns.ts';
export { unlessAborted } from './time/unless-aborted.ts';
export { timestamp } from './time/timestamp.ts';
export * from './cache/object-cache.ts';
export * from './client/api-error.ts';
export { loadKubeClient, type LoadOptions } from './client/load.ts';
export {
  KubeClient,
  type ApplyObject,
  type ApplyOptions,
  type DeleteOptions,
  type ListOptions,
  type RequestOptions,
  type WriteOptions,
} from './client/kube-client.ts';
export * from './controller/predicates.ts';
export * from './controller/types.ts';
export { FairPool, type PoolTask } from './queue/fair-pool.ts';
export { FairTokens } from './queue/fair-tokens.ts';
export { Shares, TENANT } from './queue/shares.ts';
export { applySteps, type AppliedSteps, type StepWriters } from './kind/apply-steps.ts';
export { kindConditions, isNews, saidBefore, type Notice } from './kind/conditions.ts';
export { describeFailure, type FailureReason } from './kind/failures.ts';
export { manageKind, type ManageOptions } from './kind/manage-kind.ts';
export { PacedWrites, type PacedWritesOptions } from './kind/paced-writes.ts';
export { eventType, isTrouble, type ReasonKind, type ReasonKinds } from './kind/reasons.ts';
export { retryAfterMs, soonestMs, spreadMs } from './kind/requeue.ts';
export { RetryPace } from './kind/retry-pace.ts';
export { StatusPace } from './kind/status-pace.ts';
export { STATUS_MANAGER, StatusWriter, type StatusWriterOptions } from './kind/status-writer.ts';
export * from './kind/types.ts';
export type { EventRecorder, ObjectEvent } from './events/event-types.ts';
export * from './leader/types.ts';
export { runApp, type App, type AppContext } from './manager/app.ts';
export {
  concurrencyFlag,
  DEFAULT_CONCURRENCY,
  durationFlag,
  numberFlag,
  UsageError,
  type AppFlag,
  type FlagValues,
} from './manager/flags.ts';
export { LiveGauge, metricValue, type LiveGaugeOptions } from './manager/live-gauge.ts';
export { createLog, type LogOptions } from './manager/log.ts';
export { maskSecrets } from './manager/mask-secrets.ts';
export { createManager } from './manager/manager.ts';
export type { Check, Log, Manager, ManagerOptions, Runnable } from './manager/types.ts';
export { admissionFlags, admissionOptions } from './webhook/flags.ts';
export { serveAdmission, type AdmissionOptions } from './webhook/serve-admission.ts';
export type { AdmissionRequest, Addition, Defaults, KindAdmission, Verdict } from './webhook/types.ts';
