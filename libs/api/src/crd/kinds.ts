import type { KindDefinition } from './definition.ts';
import { queueBackupScheduleDefinition } from './queue-backup-schedule.ts';
import { queueBackupDefinition } from './queue-backup.ts';
import { queueRedriveDefinition } from './queue-redrive.ts';
import { queueRestoreDefinition } from './queue-restore.ts';
import { queueDefinition } from './queue.ts';
import { workerPoolDefinition } from './workerpool.ts';

/** Every kind of the group. A new kind is added here; CRD, chart and reference page follow. */
export const kinds: readonly KindDefinition[] = [
  queueDefinition,
  queueBackupDefinition,
  queueBackupScheduleDefinition,
  queueRedriveDefinition,
  queueRestoreDefinition,
  workerPoolDefinition,
];
