import { QUEUE_BACKUPS, type QueueBackupScheduleReason } from '@redis-queue/api';
import { applySteps, isAlreadyExists, keyOf, type Applied, type KindContext } from '@redis-queue/controller';
import { backupOf, ownedBackup, type BackupObject, type ScheduleObject } from './schedules.ts';
import type { ObservedSchedule, Problem, SchedulePlan, ScheduleStep } from './steps.ts';

const FIELD_MANAGER = 'redis-queue';

/** Creates the backup that is due, and deletes those that are over the limits. */
export async function applySchedule(
  schedule: ScheduleObject,
  { plan }: { readonly plan: SchedulePlan },
  context: Pick<KindContext<QueueBackupScheduleReason>, 'client' | 'signal' | 'event' | 'applyFinalizer'>,
): Promise<Applied<ObservedSchedule, SchedulePlan, QueueBackupScheduleReason>> {
  const { client, signal, event, applyFinalizer } = context;
  return await applySteps<ScheduleStep, QueueBackupScheduleReason>(plan.steps as readonly ScheduleStep[], {
    signal,
    applyFinalizer,
    async applyStep(step) {
      if (step.kind === 'createBackup') return await createBackup(schedule, step, context);
      const { name, uid, resourceVersion } = step;
      // Only as it was seen: one that was deleted and created again, or taken up again, is another.
      const isDeleted = await client.delete(
        QUEUE_BACKUPS,
        { ...keyOf(schedule), name },
        { signal, uid, resourceVersion },
      );
      if (isDeleted) event('BackupDeleted', `QueueBackup ${name} was deleted, as spec.retention says`);
      return undefined;
    },
  });
}

/** That it exists already is as good: this or another process created it before. */
async function createBackup(
  schedule: ScheduleObject,
  { name, slotMs }: Extract<ScheduleStep, { kind: 'createBackup' }>,
  { client, signal, event }: Pick<KindContext<QueueBackupScheduleReason>, 'client' | 'signal' | 'event'>,
): Promise<Problem | undefined> {
  try {
    await client.create(QUEUE_BACKUPS, backupOf(schedule, slotMs), { fieldManager: FIELD_MANAGER, signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const existing = await client.get<BackupObject>(QUEUE_BACKUPS, { ...keyOf(schedule), name }, { signal });
    if (!existing) throw error;
    if (ownedBackup(schedule, existing)) return undefined;
    const message = `QueueBackup ${name} is there and not of this schedule; delete it, or rename the schedule`;
    return { reason: 'BackupExists', message };
  }
  event('BackupCreated', `QueueBackup ${name} was created`);
  return undefined;
}
