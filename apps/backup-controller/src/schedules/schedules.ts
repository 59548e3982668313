import {
  API_VERSION,
  BACKUP_SCHEDULE_LABEL,
  parseDuration,
  SCHEDULED_FOR_ANNOTATION,
  type QueueBackup,
  type QueueBackupSchedule,
} from '@redis-queue/api';
import { findCondition, keyOf, timestamp, type ObjectKey, type Resource } from '@redis-queue/controller';
import type { OwnedBackup, Retention } from './retention.ts';

/** A QueueBackupSchedule as caches and the API server give it. */
export type ScheduleObject = QueueBackupSchedule & Resource;
/** A QueueBackup as caches and the API server give it. */
export type BackupObject = QueueBackup & Resource;

const MINUTE_MS = 60_000;

/**
 * The name of the backup of a slot: the schedule's, and the minute since 1970. Whoever creates it, and how often, there
 * is one.
 */
export function backupName(schedule: string, slotMs: number): string {
  return `${schedule}-${Math.floor(slotMs / MINUTE_MS)}`;
}

/** The slot of a backup of that name; undefined when it is not of that schedule. */
export function slotOfName(schedule: string, name: string | undefined): number | undefined {
  if (!name?.startsWith(`${schedule}-`)) return undefined;
  const minutes = name.slice(schedule.length + 1);
  return /^[0-9]{1,10}$/.test(minutes) ? Number(minutes) * MINUTE_MS : undefined;
}

/** The backup of a slot, as it is created. */
export function backupOf({ metadata: { namespace, name }, spec }: ScheduleObject, slotMs: number): BackupObject {
  return {
    apiVersion: API_VERSION,
    kind: 'QueueBackup',
    metadata: {
      ...(namespace !== undefined && { namespace }),
      name: backupName(name, slotMs),
      labels: { [BACKUP_SCHEDULE_LABEL]: name },
      annotations: { [SCHEDULED_FOR_ANNOTATION]: timestamp(slotMs) },
    },
    spec: { ...spec.template.spec, mode: 'Full' },
  };
}

/** The schedule that a backup says it is of, whether or not there is one; undefined for one that a person created. */
export function scheduleKeyOf({ metadata }: BackupObject): ObjectKey | undefined {
  const name = metadata.labels?.[BACKUP_SCHEDULE_LABEL];
  return name === undefined || slotOfName(name, metadata.name) === undefined
    ? undefined
    : { ...keyOf({ metadata }), name };
}

/** A backup as its schedule sees it; undefined when it is not of that schedule. */
export function ownedBackup(schedule: ScheduleObject, { metadata, status }: BackupObject): OwnedBackup | undefined {
  const { name } = schedule.metadata;
  const slotMs = slotOfName(name, metadata.name);
  if (slotMs === undefined || metadata.labels?.[BACKUP_SCHEDULE_LABEL] !== name) return undefined;
  const { phase, completionTime, queues = [], leftOut = [] } = status ?? {};
  const ready = findCondition(status?.conditions, 'Ready');
  // A copy that never ran: neither a good nor a failed backup, and nothing to wait for or to delete.
  if (ready?.reason === 'RestoredByVelero') return undefined;
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    slotMs,
    state: phase === 'Completed' ? 'good' : phase === 'Failed' ? 'failed' : 'unfinished',
    endedMs: timeMs(completionTime),
    deleting: metadata.deletionTimestamp !== undefined,
    reason: ready?.reason ?? 'Unknown',
    message: ready?.message ?? 'it does not say why',
    queues: queues.map((queue) => queue.name),
    leftOut: leftOut.map((queue) => queue.name),
  };
}

/** What the spec says of retention; undefined: all backups stay. */
export function retentionOf({ spec: { retention } }: ScheduleObject): Retention | undefined {
  if (!retention) return undefined;
  const { count, maxAge, keepLastGood } = retention;
  return { count, keepLastGood, maxAgeMs: maxAge === undefined ? undefined : parseDuration(maxAge) };
}

/** Unix ms of a time in a status; undefined when there is none, or it cannot be read. */
export function timeMs(text: string | undefined): number | undefined {
  const ms = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
