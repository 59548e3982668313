import { QUEUE_RESTORE_REASONS, type QueueBackupScheduleStatus } from '@redis-queue/api';
import type { ObjectMemory } from '@redis-queue/controller';
import type { Gauge, Registry } from 'prom-client';
import { ageSeconds, ObjectSeries } from '../runs/object-series.ts';
import { timeMs, type ScheduleObject } from './schedules.ts';

interface Known {
  /** Unix ms from which the age of the last success counts; undefined: the schedule has no drills. */
  readonly sinceMs: number | undefined;
}

const PREFIX = 'redis_queue_backup_schedule';

/** What alerts on drills need. */
export class DrillMetrics implements ObjectMemory {
  readonly #series: ObjectSeries<'schedule', Known>;
  readonly #success: Gauge;
  readonly #lastFailure: Gauge;
  readonly #duration: Gauge;

  /** @param now Unix ms, for ages, which are counted when they are asked for. */
  constructor(registry: Registry, now: () => number = Date.now) {
    this.#series = new ObjectSeries(registry, {
      label: 'schedule',
      reasons: QUEUE_RESTORE_REASONS,
      failures: {
        name: `${PREFIX}_verification_failures_total`,
        help: 'Drills of the schedule that failed, by the reason of their condition Failed.',
      },
    });
    this.#success = this.#series.gauge(
      `${PREFIX}_last_verified_timestamp_seconds`,
      'When the newest drill of the schedule that succeeded had ended; none before the first one.',
    );
    this.#series.computed(
      `${PREFIX}_last_verified_age_seconds`,
      'How long ago that was; before the first one, since when the schedule has been in effect. None without drills.',
      ({ sinceMs }) => (sinceMs === undefined ? undefined : ageSeconds(sinceMs, now())),
    );
    this.#lastFailure = this.#series.gauge(
      `${PREFIX}_last_verification_failure_timestamp_seconds`,
      'When a drill of the schedule failed last; none before the first one.',
    );
    this.#duration = this.#series.gauge(
      `${PREFIX}_verification_duration_seconds`,
      'How long that drill took, from when its QueueRestore was seen until every job had been compared.',
    );
  }

  observed(schedule: ScheduleObject, status: QueueBackupScheduleStatus): void {
    const verifiedMs = timeMs(status.lastVerifiedTime);
    const sinceMs = schedule.spec.verify && (verifiedMs ?? timeMs(status.timetable?.since));
    const labels = this.#series.note(schedule, { sinceMs });
    if (verifiedMs !== undefined) this.#success.set(labels, verifiedMs / 1_000);
    const failedMs = timeMs(status.lastVerificationFailedTime);
    if (failedMs !== undefined) this.#lastFailure.set(labels, failedMs / 1_000);
    if (status.lastVerifiedDurationSeconds !== undefined)
      this.#duration.set(labels, status.lastVerifiedDurationSeconds);
  }

  failed(schedule: ScheduleObject, reason: string): void {
    this.#series.failed(schedule, reason);
  }

  forget(uid: string): void {
    this.#series.forget(uid);
  }
}
