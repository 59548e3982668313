export * from './apps.ts';
export { helmValue } from './helm-value.ts';
export * from './kinds/backup-reasons.ts';
export * from './kinds/backup-storage.ts';
export * from './kinds/duration.ts';
export {
  incrementalTimes,
  MOST_CHAINS,
  MOST_POINTS,
  type BackupChain,
  type IncrementalSpec,
  type IncrementalStatus,
} from './kinds/incremental-backup.ts';
export { MAX_SCHEDULERS, type JobSchedulerSpec } from './kinds/job-schedulers.ts';
export { DEFAULT_PREFIX, RESERVED_PREFIX, SCRATCH_PREFIX } from './kinds/key-prefix.ts';
export * from './kinds/meta.ts';
export * from './kinds/quantity.ts';
export * from './kinds/queue.ts';
export * from './kinds/queue-reasons.ts';
export * from './kinds/queue-backup.ts';
export * from './kinds/queue-backup-schedule.ts';
export * from './kinds/queue-redrive.ts';
export * from './kinds/queue-restore.ts';
export * from './kinds/reasons.ts';
export { DEFAULT_BACKOFF_LIMIT, type RunPhase } from './kinds/run-fields.ts';
export { scratchPrefix, type ScratchSpec } from './kinds/scratch.ts';
export * from './kinds/workerpool.ts';
export * from './kinds/workerpool-reasons.ts';
