import { QUEUE_BACKUP_SCHEDULES, QUEUE_BACKUPS, QUEUE_RESTORES } from '@redis-queue/api';
import { keyOf, keyToString, manageKind, type Change, type Manager, type ManageOptions } from '@redis-queue/controller';
import type { BackupReaders } from '../runs/backup-readers.ts';
import { DrillMetrics } from './drill-metrics.ts';
import { scheduleKeyOfDrill, type RestoreObject } from './drills.ts';
import { scheduleKind } from './kind.ts';
import { ScheduleMetrics } from './metrics.ts';
import { scheduleKeyOf, type BackupObject, type ScheduleObject } from './schedules.ts';

const OF_SCHEDULE = 'of-schedule';

/** Has the manager run the QueueBackupSchedules. */
export function manageSchedules(
  manager: Manager,
  readers: Pick<BackupReaders, 'of'>,
  options: Pick<ManageOptions<ScheduleObject>, 'concurrency' | 'now'>,
): void {
  const backups = manager.cache<BackupObject>(QUEUE_BACKUPS);
  backups.addIndex(OF_SCHEDULE, (backup) => {
    const key = scheduleKeyOf(backup);
    return key ? [keyToString(key)] : [];
  });
  const restores = manager.cache<RestoreObject>(QUEUE_RESTORES);
  restores.addIndex(OF_SCHEDULE, (restore) => {
    const key = scheduleKeyOfDrill(restore);
    return key ? [keyToString(key)] : [];
  });
  const kind = scheduleKind({
    backupsOf: (schedule) => backups.byIndex(OF_SCHEDULE, keyToString(keyOf(schedule))),
    drillsOf: (schedule) => restores.byIndex(OF_SCHEDULE, keyToString(keyOf(schedule))),
    isRead: (backup) => readers.of(backup) !== undefined,
    metrics: new ScheduleMetrics(manager.registry),
    drillMetrics: new DrillMetrics(manager.registry),
  });
  manageKind(manager, kind, {
    ...options,
    cache: manager.cache<ScheduleObject>(QUEUE_BACKUP_SCHEDULES),
    watches: [
      {
        cache: backups,
        map: (backup: BackupObject) => {
          const key = scheduleKeyOf(backup);
          return key ? [key] : [];
        },
        predicate: isNews,
      },
      {
        cache: restores,
        map: (restore: RestoreObject) => {
          const key = scheduleKeyOfDrill(restore);
          return key ? [key] : [];
        },
        predicate: isNews,
      },
    ],
  });
}

/** Progress is of no concern here, and written every few seconds. */
function isNews({ event, object, previous }: Change<BackupObject | RestoreObject>): boolean {
  return event !== 'update' || tellOf(object) !== tellOf(previous);
}

function tellOf(owned: BackupObject | RestoreObject | undefined): string {
  const { labels, deletionTimestamp } = owned?.metadata ?? {};
  return JSON.stringify([labels, deletionTimestamp, owned?.status?.phase]);
}
