import { API_VERSION, BACKUP_SCHEDULE_LABEL, type QueueRestore } from '@redis-queue/api';
import { controllerOwnerReference, findCondition, keyOf, type ObjectKey, type Resource } from '@redis-queue/controller';
import { slotOfName, timeMs, type ScheduleObject } from './schedules.ts';

/** A QueueRestore as caches and the API server give it. */
export type RestoreObject = QueueRestore & Resource;

/** Of a drill: one that failed because of what passes is tried again twice. */
const DRILL_BACKOFF_LIMIT = 2;
const SUFFIX = '-drill';

/** A drill of the schedule, as far as what is due depends on it. All times are Unix ms. */
export interface OwnedDrill {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** The backup that it restores, and the slot of that. */
  readonly backup: string;
  readonly slotMs: number;
  readonly state: 'unfinished' | 'good' | 'failed';
  readonly createdMs: number | undefined;
  /** Undefined while it is unfinished. */
  readonly endedMs: number | undefined;
  /** From when it was seen until every job had been compared; of one that succeeded. */
  readonly tookMs: number | undefined;
  readonly jobs: number | undefined;
  readonly deleting: boolean;
  /** Why it failed: the reason of its condition Failed. */
  readonly reason: string;
  readonly message: string;
}

/** The name of the drill of a backup: whoever creates it, and how often, there is one. */
export function drillName(backup: string): string {
  return `${backup}${SUFFIX}`;
}

/** The drill of a backup, as it is created. It goes with its schedule. */
export function drillOf(schedule: ScheduleObject, backup: string): RestoreObject {
  const { metadata, spec } = schedule;
  const { scratch = {}, jobsPerSecond, activeDeadlineSeconds } = spec.verify ?? {};
  return {
    apiVersion: API_VERSION,
    kind: 'QueueRestore',
    metadata: {
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      name: drillName(backup),
      labels: { [BACKUP_SCHEDULE_LABEL]: metadata.name },
      ownerReferences: [controllerOwnerReference(schedule)],
    },
    spec: {
      from: { backup: { name: backup } },
      scratch,
      deadLetters: true,
      // Whether every job is there is what it tries, not whether all queues of a flow are in one backup.
      openFlows: 'Detach',
      dryRun: false,
      resume: true,
      backoffLimit: DRILL_BACKOFF_LIMIT,
      ...(jobsPerSecond !== undefined && { jobsPerSecond }),
      ...(activeDeadlineSeconds !== undefined && { activeDeadlineSeconds }),
    },
  };
}

/** The schedule of which a restore says that it is a drill; undefined for one that a person created. */
export function scheduleKeyOfDrill({ metadata, spec }: RestoreObject): ObjectKey | undefined {
  const schedule = metadata.labels?.[BACKUP_SCHEDULE_LABEL];
  if (schedule === undefined || !spec.scratch || backupOfDrill(schedule, metadata.name) === undefined) return undefined;
  return { ...keyOf({ metadata }), name: schedule };
}

/** A drill as its schedule sees it; undefined when it is none of that schedule. */
export function ownedDrill(schedule: ScheduleObject, restore: RestoreObject): OwnedDrill | undefined {
  const { metadata, status } = restore;
  if (scheduleKeyOfDrill(restore)?.name !== schedule.metadata.name) return undefined;
  const backup = backupOfDrill(schedule.metadata.name, metadata.name);
  if (!backup) return undefined;
  const { phase, startTime, verifiedAt, completionTime, conditions, jobs } = status ?? {};
  const said = findCondition(conditions, 'Failed') ?? findCondition(conditions, 'Ready');
  const [startedMs, verifiedMs] = [timeMs(startTime), timeMs(verifiedAt)];
  return {
    ...backup,
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    state: phase === 'Completed' ? 'good' : phase === 'Failed' ? 'failed' : 'unfinished',
    createdMs: timeMs(metadata.creationTimestamp),
    endedMs: timeMs(completionTime),
    tookMs: startedMs === undefined || verifiedMs === undefined ? undefined : Math.max(0, verifiedMs - startedMs),
    jobs,
    deleting: metadata.deletionTimestamp !== undefined,
    reason: said?.reason ?? 'Unknown',
    message: said?.message ?? 'it does not say why',
  };
}

function backupOfDrill(schedule: string, name: string): Pick<OwnedDrill, 'backup' | 'slotMs'> | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const backup = name.slice(0, -SUFFIX.length);
  const slotMs = slotOfName(schedule, backup);
  return slotMs === undefined ? undefined : { backup, slotMs };
}
