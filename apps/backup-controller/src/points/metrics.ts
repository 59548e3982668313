import { incrementalTimes, QUEUE_BACKUP_REASONS, type QueueBackupStatus } from '@redis-queue/api';
import type { ObjectMemory } from '@redis-queue/controller';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { BackupObject } from '../backups/steps.ts';

interface Known {
  readonly labels: { readonly namespace: string; readonly backup: string };
  /** Unix ms from which the age of the newest point counts. */
  sinceMs?: number | undefined;
  /** With which failures were counted. */
  readonly reasons: Set<string>;
}

/** What alerts on incremental backups need. There are as many series as those; the ones of a deleted one are removed. */
export class PointMetrics implements ObjectMemory {
  readonly #lastPoint: Gauge;
  readonly #interval: Gauge;
  readonly #points: Counter;
  readonly #bytes: Counter;
  readonly #changed: Counter;
  readonly #failures: Counter<'reason' | 'namespace' | 'backup'>;
  readonly #known = new Map<string, Known>();

  /** @param now Unix ms, for ages, which are counted when they are asked for. */
  constructor(registry: Registry, now: () => number = Date.now) {
    const registers = [registry];
    const labelNames = ['namespace', 'backup'] as const;
    this.#lastPoint = new Gauge({
      name: 'redis_queue_incremental_backup_last_point_timestamp_seconds',
      help: 'The instant of the newest point of the incremental backup, in Unix seconds; none before the first one.',
      labelNames,
      registers,
    });
    const known = this.#known;
    // oxlint-disable-next-line no-new -- the registry has it
    new Gauge({
      name: 'redis_queue_incremental_backup_last_point_age_seconds',
      help: 'How long ago that was; before the first one, since when there has been the backup.',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { labels, sinceMs = now() } of known.values())
          this.set({ ...labels }, Math.max(0, now() - sinceMs) / 1_000);
      },
    });
    this.#interval = new Gauge({
      name: 'redis_queue_incremental_backup_expected_interval_seconds',
      help: 'Time from one point of the incremental backup to the next, as its spec has it.',
      labelNames,
      registers,
    });
    const counter = (name: string, help: string): Counter =>
      new Counter({ name: `redis_queue_incremental_backup_${name}`, help, labelNames, registers });
    this.#points = counter('points_total', 'Points that were taken, full ones and increments.');
    this.#bytes = counter('stored_bytes_total', 'Bytes that they have in their storage.');
    this.#changed = counter('changed_jobs_total', 'Jobs in them: those that changed, and all jobs of full ones.');
    this.#failures = new Counter({
      name: 'redis_queue_incremental_backup_failures_total',
      help: 'Points that failed, by the reason that the conditions give, and chains that were broken.',
      labelNames: [...labelNames, 'reason'],
      registers,
    });
  }

  observed(backup: BackupObject, status: QueueBackupStatus): void {
    const known = this.#of(backup);
    const { labels } = known;
    const pointMs = Date.parse(status.incremental?.lastPointTime ?? '');
    const hasPoint = !Number.isNaN(pointMs);
    if (hasPoint) this.#lastPoint.set(labels, pointMs / 1_000);
    known.sinceMs = hasPoint ? pointMs : Date.parse(backup.metadata.creationTimestamp ?? '') || undefined;
    this.#interval.set(labels, incrementalTimes(backup.spec.incremental).everyMs / 1_000);
  }

  taken(backup: BackupObject, { storedBytes, changed }: { storedBytes: number; changed: number }): void {
    const { labels } = this.#of(backup);
    this.#points.inc(labels);
    this.#bytes.inc(labels, storedBytes);
    this.#changed.inc(labels, changed);
  }

  failed(backup: BackupObject, reason: string): void {
    const { labels, reasons } = this.#of(backup);
    const known = Object.hasOwn(QUEUE_BACKUP_REASONS, reason) ? reason : 'Other';
    reasons.add(known);
    this.#failures.inc({ ...labels, reason: known });
  }

  forget(uid: string): void {
    const known = this.#known.get(uid);
    if (!known) return;
    this.#known.delete(uid);
    const { labels } = known;
    for (const metric of [this.#lastPoint, this.#interval, this.#points, this.#bytes, this.#changed])
      metric.remove(labels);
    for (const reason of known.reasons) this.#failures.remove({ ...labels, reason });
  }

  #of({ metadata: { uid = '', namespace = '', name } }: BackupObject): Known {
    const known = this.#known.get(uid) ?? { labels: { namespace, backup: name }, reasons: new Set() };
    this.#known.set(uid, known);
    return known;
  }
}
