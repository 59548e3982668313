import type { QueueBackupReason } from '@redis-queue/api';
import type { Kind, Plan } from '@redis-queue/controller';
import type { BackupObject } from './backups/steps.ts';
import { isIncremental } from './points/steps.ts';

/** The QueueBackup kind, as far as it does not depend on what is observed. */
export type QueueBackupKind = Kind<BackupObject, unknown, Plan, QueueBackupReason>;

/** The QueueBackup kind of both modes, of which each object has one for its life. */
export function byMode(modes: {
  readonly full: QueueBackupKind;
  readonly incremental: QueueBackupKind;
}): QueueBackupKind {
  const { full, incremental } = modes;
  const of = (backup: BackupObject): QueueBackupKind => (isIncremental(backup) ? incremental : full);
  return {
    ...full,
    memories: [...(full.memories ?? []), ...(incremental.memories ?? [])],
    observe: (backup, context) => of(backup).observe(backup, context),
    plan: (backup, observed, now) => of(backup).plan(backup, observed, now),
    apply: (backup, found, context) => of(backup).apply(backup, found, context),
    status: (backup, outcome, now) => of(backup).status(backup, outcome, now),
    report: (backup, outcome, context) => of(backup).report?.(backup, outcome, context),
    statusDelayMs: (backup, outcome, status, nowMs) => of(backup).statusDelayMs?.(backup, outcome, status, nowMs),
    statusWritten: (backup, outcome, status, context) => of(backup).statusWritten?.(backup, outcome, status, context),
    requeueMs: (backup, outcome, status, context) => of(backup).requeueMs?.(backup, outcome, status, context),
  };
}
