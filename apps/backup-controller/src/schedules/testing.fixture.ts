import {
  API_VERSION,
  type QueueBackupScheduleSpec,
  type QueueBackupStatus,
  type QueueRestoreStatus,
} from '@redis-queue/api';
import { timestamp } from '@redis-queue/controller';
import { drillOf, type RestoreObject } from './drills.ts';
import type { OwnedBackup } from './retention.ts';
import { backupOf, type BackupObject, type ScheduleObject } from './schedules.ts';

export const at = (text: string): number => Date.parse(text);
export const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');

/** A schedule as the API server would give it: shop/nightly, created on 1 March, at two each night. */
export function scheduleObject(
  spec: Partial<QueueBackupScheduleSpec> = {},
  status?: ScheduleObject['status'],
  metadata: Partial<ScheduleObject['metadata']> = {},
): ScheduleObject {
  return {
    apiVersion: API_VERSION,
    kind: 'QueueBackupSchedule',
    metadata: {
      namespace: 'shop',
      name: 'nightly',
      uid: 's1',
      generation: 1,
      creationTimestamp: '2026-03-01T12:00:00Z',
      ...metadata,
    },
    spec: {
      schedule: '0 2 * * *',
      concurrencyPolicy: 'Forbid',
      suspend: false,
      template: {
        spec: {
          queues: { names: ['emails'] },
          storage: { volume: {} },
          deadLetters: true,
          backoffLimit: 6,
          deletionPolicy: 'Retain',
        },
      },
      ...spec,
    },
    ...(status && { status }),
  };
}

/** The backup of a slot of the schedule, as far as the API server has it. */
export function backupObject(
  schedule: ScheduleObject,
  slotMs: number,
  phase: NonNullable<QueueBackupStatus['phase']> = 'Pending',
  endedMs = slotMs + 60_000,
): BackupObject {
  const backup = backupOf(schedule, slotMs);
  const hasEnded = phase === 'Completed' || phase === 'Failed';
  const condition = {
    type: 'Ready',
    status: phase === 'Completed' ? ('True' as const) : ('False' as const),
    reason: phase === 'Failed' ? 'StorageDenied' : 'BackedUp',
    message: phase === 'Failed' ? 'no right to put' : 'done',
    lastTransitionTime: timestamp(endedMs),
  };
  return {
    ...backup,
    metadata: { ...backup.metadata, uid: `u-${backup.metadata.name}`, resourceVersion: '1' },
    status: { phase, conditions: [condition], ...(hasEnded && { completionTime: timestamp(endedMs) }) },
  };
}

/** What the status of a drill says, that ended so. It took 8 s until every job had been compared. */
export function drillStatusOf(phase: 'Completed' | 'Failed', endedMs: number): QueueRestoreStatus {
  const condition = {
    type: phase === 'Completed' ? 'Complete' : 'Failed',
    status: 'True' as const,
    reason: phase === 'Completed' ? 'Verified' : 'BackupDamaged',
    message: phase === 'Completed' ? 'done' : 'a part is not what was written',
    lastTransitionTime: timestamp(endedMs),
  };
  return {
    phase,
    startTime: timestamp(endedMs - 10_000),
    completionTime: timestamp(endedMs),
    conditions: [condition],
    ...(phase === 'Completed' && { jobs: 7, verifiedAt: timestamp(endedMs - 2_000) }),
  };
}

/** The drill of a backup of the schedule, as far as the API server has it; without a phase it has not ended. */
export function drillObject(
  schedule: ScheduleObject,
  backup: string,
  phase?: 'Completed' | 'Failed',
  endedMs = 0,
): RestoreObject {
  const drill = drillOf(schedule, backup);
  return {
    ...drill,
    metadata: { ...drill.metadata, uid: `u-${drill.metadata.name}`, resourceVersion: '1' },
    ...(phase && { status: drillStatusOf(phase, endedMs) }),
  };
}

/** Backups as retention sees them, by name: each a minute of 1970. */
export function owned(minute: number, state: OwnedBackup['state'], more: Partial<OwnedBackup> = {}): OwnedBackup {
  const endedMs = state === 'unfinished' ? undefined : minute * 60_000 + 30_000;
  const name = `nightly-${minute}`;
  return {
    name,
    uid: name,
    resourceVersion: '1',
    slotMs: minute * 60_000,
    state,
    endedMs,
    deleting: false,
    reason: 'StorageDenied',
    message: 'no',
    ...more,
  };
}
