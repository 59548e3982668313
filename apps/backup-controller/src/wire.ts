import { randomBytes } from 'node:crypto';
import { QUEUE_BACKUPS, QUEUE_RESTORES } from '@redis-queue/api';
import {
  manageKind,
  StatusPace,
  systemClock,
  type Change,
  type Manager,
  type ObjectKey,
} from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { watchSources } from './access/sources.ts';
import { backupKind } from './backups/kind.ts';
import type { BackupObject, BackupRuns } from './backups/steps.ts';
import { BackupReaders, keysReadBy } from './runs/backup-readers.ts';
import { restoreKind } from './restores/kind.ts';
import type { RestoreObject, RestoreRuns } from './restores/steps.ts';
import { DigestMemory } from './engine/digest-memory.ts';
import { WriteWatches } from './engine/write-watches.ts';
import { byMode } from './modes.ts';
import { pointsKind } from './points/kind.ts';
import { PointMetrics } from './points/metrics.ts';
import { hasPoints, type ChainRemovals, type PointRuns } from './points/steps.ts';
import { BackupMetrics, RunMetrics, together } from './runs/metrics.ts';
import { changesSpec, comesToAnEnd, OpenObjects } from './runs/open-objects.ts';
import { hasEnded } from './runs/run-objects.ts';
import { RunPlaces } from './runs/run-places.ts';
import { Runs } from './runs/runs.ts';
import { manageSchedules } from './schedules/wire.ts';

export interface Settings {
  /** Names of Secrets with credentials of Redis that RBAC lets the controller read. */
  readonly redisSecretNames: readonly string[];
  /** Names of Secrets with credentials of storages, or keys of backups, that RBAC lets it read. */
  readonly storageSecretNames: readonly string[];
  /** Where backups on a volume lie, by namespace; '': there is no volume. */
  readonly volumeDirectory: string;
  /** Whether storages without a Secret are reached with the pod's own identity. */
  readonly podIdentity: boolean;
  /** Backups and restores that run at once. */
  readonly runs: number;
  /** Objects of each kind that are reconciled at once. */
  readonly concurrency: number;
  /** Wall time, for conditions and what they wait for. */
  readonly now?: () => Date;
}

/** Each holds a few parts of 8 MiB in memory. */
export const RUNS = 4;

/** Digests of jobs between points: those of some four million jobs. */
const DIGEST_BYTES = 64 * 1024 * 1024;

const elapsedMs = (): number => performance.now();

/** Connects the kinds with the manager. */
export function wireBackupController(manager: Manager, settings: Settings): void {
  const { storageSecretNames, volumeDirectory, podIdentity, redisSecretNames, concurrency, now } = settings;
  const storage = { permittedSecrets: new Set(storageSecretNames), volumeDirectory, podIdentity };
  const sources = watchSources(manager, { redisSecretNames, storage });
  const backups = manager.cache<BackupObject>(QUEUE_BACKUPS);
  const places = new RunPlaces(settings.runs, systemClock);
  manager.runnable({ name: 'runs', run: (signal) => places.serve(signal) });
  const options = { concurrency, ...(now && { now }) };
  // One with points looks again with each.
  const openBackups = new OpenObjects(backups, (backup) => !hasEnded(backup) && !hasPoints(backup));
  const restores = manager.cache<RestoreObject>(QUEUE_RESTORES);
  const openRestores = new OpenObjects(restores);

  const readers = new BackupReaders(restores);

  const toBackup = (key: ObjectKey): void => ofBackups.enqueue(key);
  const timing = { places, elapsedMs, after: systemClock.after.bind(systemClock) };
  const runs = { ...timing, onChange: toBackup };
  const backupRuns: BackupRuns = new Runs(runs);
  const pointRuns: PointRuns = new Runs(runs);
  const removals: ChainRemovals = new Runs(runs);
  const ofBackup = { sources, nameAttempt, pace: new StatusPace({ clock: systemClock, onTurn: toBackup }) };
  const full = backupKind({
    ...ofBackup,
    readers,
    runs: backupRuns,
    metrics: new BackupMetrics(manager.registry, together([backupRuns, pointRuns, removals])),
  });
  const incremental = pointsKind({
    ...ofBackup,
    runs: pointRuns,
    removals,
    readers,
    digests: new DigestMemory({ mostBytes: DIGEST_BYTES }),
    writes: new WriteWatches(),
    metrics: new PointMetrics(manager.registry),
    elapsedMs,
  });
  const ofBackups = manageKind(manager, byMode({ full, incremental }), {
    ...options,
    cache: backups,
    watches: [
      { cache: sources.queues, map: (queue: QueueObject) => openBackups.ofNamespace(queue), predicate: changesSpec },
      { cache: restores, map: keysReadBy, predicate: stopsReading },
      ...sources.secretWatches('backup', (queue) => openBackups.ofNamespace(queue)),
    ],
  });

  const toRestore = (key: ObjectKey): void => ofRestores.enqueue(key);
  const restoreRuns: RestoreRuns = new Runs({ ...timing, onChange: toRestore });
  const restoreMetrics = new RunMetrics(manager.registry, 'restore', restoreRuns);
  const kindOfRestores = restoreKind({
    sources: { ...sources, backups },
    runs: restoreRuns,
    metrics: restoreMetrics,
    pace: new StatusPace({ clock: systemClock, onTurn: toRestore }),
  });
  const ofRestores = manageKind(manager, kindOfRestores, {
    ...options,
    cache: restores,
    watches: [
      { cache: sources.queues, map: (queue: QueueObject) => openRestores.ofNamespace(queue), predicate: changesSpec },
      { cache: backups, map: (backup: BackupObject) => openRestores.ofNamespace(backup), predicate: becomesRestorable },
      ...sources.secretWatches('restore', (queue) => openRestores.ofNamespace(queue)),
    ],
  });
  manageSchedules(manager, readers, options);
}

/** Whether a backup comes, goes, has ended, or has its first point with this change. */
function becomesRestorable(change: Change<BackupObject>): boolean {
  const { object, previous } = change;
  return comesToAnEnd(change) || hasPoints(object) !== (previous !== undefined && hasPoints(previous));
}

/** Whether a restore needs the backup no more that it names, so that this may go. */
function stopsReading({ event, object, previous }: Change<RestoreObject>): boolean {
  if (event !== 'update' || !previous) return event === 'delete';
  return keysReadBy(object).length < keysReadBy(previous).length;
}

/** By time, for people, and by chance, so that not even another process for the same object has the same. */
function nameAttempt(now: Date): string {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${time}-${randomBytes(4).toString('hex')}`;
}
