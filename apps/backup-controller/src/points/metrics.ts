import { incrementalTimes, QUEUE_BACKUP_REASONS, type QueueBackupStatus } from '@redis-queue/api';
import type { ObjectMemory } from '@redis-queue/controller';
import type { Counter, Gauge, Registry } from 'prom-client';
import type { BackupObject } from '../backups/steps.ts';
import { chainsOf, extendedAt } from './chains.ts';
import { ageSeconds, ObjectSeries } from '../runs/object-series.ts';

interface Known {
  /** Unix ms from which the age of the newest point counts. */
  readonly sinceMs: number | undefined;
}

const PREFIX = 'redis_queue_incremental_backup';

/** What alerts on incremental backups need. */
export class PointMetrics implements ObjectMemory {
  readonly #series: ObjectSeries<'backup', Known>;
  readonly #lastPoint: Gauge;
  readonly #interval: Gauge;
  readonly #leftOut: Gauge;
  readonly #points: Counter;
  readonly #bytes: Counter;
  readonly #changed: Counter;

  /** @param now Unix ms, for ages, which are counted when they are asked for. */
  constructor(registry: Registry, now: () => number = Date.now) {
    this.#series = new ObjectSeries(registry, {
      label: 'backup',
      reasons: QUEUE_BACKUP_REASONS,
      failures: {
        name: `${PREFIX}_failures_total`,
        help: 'Points that failed, by the reason that the conditions give, and chains that were broken.',
      },
    });
    this.#lastPoint = this.#series.gauge(
      `${PREFIX}_last_point_timestamp_seconds`,
      "The instant of the newest point of the incremental backup, in Unix seconds, by Redis' clock; none before the first one.",
    );
    this.#series.computed(
      `${PREFIX}_last_point_age_seconds`,
      "How long ago the newest point was begun that has all queues, by the controller's clock; before the first one, since when there has been the backup.",
      ({ sinceMs = now() }) => ageSeconds(sinceMs, now()),
    );
    this.#interval = this.#series.gauge(
      `${PREFIX}_expected_interval_seconds`,
      'Time from one point of the incremental backup to the next, as its spec has it.',
    );
    this.#leftOut = this.#series.gauge(
      `${PREFIX}_queues_left_out`,
      'Queues that the newest point of the incremental backup does not have, since they could not be read.',
    );
    const counter = (name: string, help: string): Counter => this.#series.counter(`${PREFIX}_${name}`, help);
    this.#points = counter('points_total', 'Points that were taken, full ones and increments.');
    this.#bytes = counter('stored_bytes_total', 'Bytes that they have in their storage.');
    this.#changed = counter('changed_jobs_total', 'Jobs in them: those that changed, and all jobs of full ones.');
  }

  observed(backup: BackupObject, status: QueueBackupStatus): void {
    const pointMs = Date.parse(status.incremental?.lastPointTime ?? '');
    const hasPoint = !Number.isNaN(pointMs);
    const createdMs = Date.parse(backup.metadata.creationTimestamp ?? '') || undefined;
    // Not by Redis' clock, by which a point may be of another day.
    const [newest] = chainsOf({ status });
    const beganMs = newest && Date.parse(extendedAt(newest));
    const { leftOut = [] } = status;
    // The point is of no use for a queue that it does not have.
    const leftOutMs = leftOut.map(({ since = '' }) => Date.parse(since)).filter((ms) => !Number.isNaN(ms));
    const sinceMs = hasPoint ? Math.min(beganMs ?? pointMs, ...leftOutMs) : createdMs;
    const labels = this.#series.note(backup, { sinceMs });
    this.#leftOut.set(labels, leftOut.length);
    if (hasPoint) this.#lastPoint.set(labels, pointMs / 1_000);
    this.#interval.set(labels, incrementalTimes(backup.spec.incremental).everyMs / 1_000);
  }

  taken(backup: BackupObject, { storedBytes, changed }: { storedBytes: number; changed: number }): void {
    const labels = this.#series.note(backup);
    this.#points.inc(labels);
    this.#bytes.inc(labels, storedBytes);
    this.#changed.inc(labels, changed);
  }

  failed(backup: BackupObject, reason: string): void {
    this.#series.failed(backup, reason);
  }

  forget(uid: string): void {
    this.#series.forget(uid);
  }
}
