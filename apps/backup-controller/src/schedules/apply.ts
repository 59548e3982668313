import { QUEUE_BACKUPS, QUEUE_RESTORES, type QueueBackupScheduleReason } from '@redis-queue/api';
import {
  applySteps,
  isAlreadyExists,
  keyOf,
  type Applied,
  type KindContext,
  type Resource,
} from '@redis-queue/controller';
import { drillOf, ownedDrill, type RestoreObject } from './drills.ts';
import { backupOf, ownedBackup, type BackupObject, type ScheduleObject } from './schedules.ts';
import type { ObservedSchedule, Problem, SchedulePlan, ScheduleStep } from './steps.ts';

const FIELD_MANAGER = 'redis-queue';

/** Creates the backup and the drill that are due, and deletes those that are over the limits. */
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
      switch (step.kind) {
        case 'createBackup': {
          const backup = backupOf(schedule, step.slotMs);
          const isOurs = (found: BackupObject): boolean => ownedBackup(schedule, found) !== undefined;
          const problem = await createOnce(QUEUE_BACKUPS, backup, isOurs, 'BackupExists', context);
          if (problem === undefined) event('BackupCreated', `QueueBackup ${step.name} was created`);
          return problem === 'there' ? undefined : problem;
        }
        case 'createDrill': {
          const drill = drillOf(schedule, step.backup);
          const isOurs = (found: RestoreObject): boolean => ownedDrill(schedule, found) !== undefined;
          const problem = await createOnce(QUEUE_RESTORES, drill, isOurs, 'VerificationExists', context);
          if (problem === undefined)
            event('VerificationCreated', `QueueRestore ${step.name} was created, to try QueueBackup ${step.backup}`);
          return problem === 'there' ? undefined : problem;
        }
        default: {
          const { kind, name, uid, resourceVersion } = step;
          const isBackup = kind === 'deleteBackup';
          // Only as it was seen: one that was deleted and created again, or taken up again, is another.
          const isDeleted = await client.delete(
            isBackup ? QUEUE_BACKUPS : QUEUE_RESTORES,
            { ...keyOf(schedule), name },
            { signal, uid, resourceVersion },
          );
          if (isDeleted && isBackup) event('BackupDeleted', `QueueBackup ${name} was deleted, as spec.retention says`);
          if (isDeleted && !isBackup)
            event('VerificationDeleted', `QueueRestore ${name} was deleted, as newer drills have ended`);
          return undefined;
        }
      }
    },
  });
}

/**
 * Creates an object whose name is its place.
 *
 * @returns `there` when this or another process created it before, which is as good; what is wrong when somebody else did.
 */
async function createOnce<T extends Resource>(
  type: typeof QUEUE_BACKUPS | typeof QUEUE_RESTORES,
  object: T,
  isOurs: (found: T) => boolean,
  reason: 'BackupExists' | 'VerificationExists',
  { client, signal }: Pick<KindContext<QueueBackupScheduleReason>, 'client' | 'signal'>,
): Promise<Problem | 'there' | undefined> {
  try {
    await client.create(type, object, { fieldManager: FIELD_MANAGER, signal });
    return undefined;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const existing = await client.get<T>(type, keyOf(object), { signal });
    if (!existing) throw error;
    if (isOurs(existing)) return 'there';
    const message = `${type.kind} ${object.metadata.name} is there and not of this schedule; delete it, or rename the schedule`;
    return { reason, message };
  }
}
