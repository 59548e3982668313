import { QUEUE_BACKUP_REASONS, type QueueBackupScheduleStatus } from '@redis-queue/api';
import type { ObjectMemory } from '@redis-queue/controller';
import type { Counter, Gauge, Registry } from 'prom-client';
import { ageSeconds, ObjectSeries } from '../runs/object-series.ts';
import { timeMs, type ScheduleObject } from './schedules.ts';

interface Known {
  /** Unix ms from which the age of the last success counts. */
  readonly sinceMs: number | undefined;
  /** Unix ms from which a backup is overdue. */
  readonly overdueAtMs: number | undefined;
}

interface Timing {
  readonly intervalMs: number | undefined;
  /** Unix ms. */
  readonly overdueAtMs: number | undefined;
  /** It cannot be read, or has no next time. */
  readonly isInvalid?: boolean;
}

const PREFIX = 'redis_queue_backup_schedule';

/** What alerts on backups need. */
export class ScheduleMetrics implements ObjectMemory {
  readonly #series: ObjectSeries<'schedule', Known>;
  readonly #success: Gauge;
  readonly #lastFailure: Gauge;
  readonly #lastPartial: Gauge;
  readonly #interval: Gauge;
  readonly #suspended: Gauge;
  readonly #invalid: Gauge;
  readonly #skipped: Counter;

  /** @param now Unix ms, for ages, which are counted when they are asked for. */
  constructor(registry: Registry, now: () => number = Date.now) {
    this.#series = new ObjectSeries(registry, {
      label: 'schedule',
      reasons: QUEUE_BACKUP_REASONS,
      failures: {
        name: `${PREFIX}_failures_total`,
        help: 'Backups of the schedule that failed, by the reason of their condition Ready.',
      },
    });
    const gauge = (name: string, help: string): Gauge => this.#series.gauge(`${PREFIX}_${name}`, help);
    this.#success = gauge(
      'last_success_timestamp_seconds',
      'When the newest backup of the schedule that completed with all of its queues had ended; none before the first one.',
    );
    this.#lastPartial = gauge(
      'last_partial_timestamp_seconds',
      'When the newest backup of the schedule had ended that lacks queues which could not be read; none before the first one.',
    );
    this.#series.computed(
      `${PREFIX}_last_success_age_seconds`,
      'How long ago that was; before the first one, since when the schedule has been in effect.',
      ({ sinceMs = now() }) => ageSeconds(sinceMs, now()),
    );
    this.#series.computed(
      `${PREFIX}_overdue`,
      '1 when two times of the schedule have passed, an hour at least, since the one of the last backup that has all of its queues, and when the schedule is invalid and not suspended.',
      ({ overdueAtMs = Infinity }) => (now() >= overdueAtMs ? 1 : 0),
    );
    this.#lastFailure = gauge(
      'last_failure_timestamp_seconds',
      'When the newest backup of the schedule that failed had ended; none before the first one.',
    );
    this.#interval = gauge(
      'expected_interval_seconds',
      'Time from the next backup of the schedule to the one after it.',
    );
    this.#suspended = gauge('suspended', '1 while the schedule is suspended.');
    this.#invalid = gauge(
      'invalid',
      '1 while the schedule cannot be read or has no next time, so that no backup is taken.',
    );
    this.#skipped = this.#series.counter(
      `${PREFIX}_skipped_total`,
      'Times of the schedule for which no backup was taken.',
    );
  }

  /** What a reconcile has found out: the interval is undefined when there are no two more slots. */
  observed(
    schedule: ScheduleObject,
    status: QueueBackupScheduleStatus,
    { intervalMs, overdueAtMs, isInvalid = false }: Timing,
  ): void {
    const [successMs, failureMs] = [timeMs(status.lastSuccessfulTime), timeMs(status.lastFailedTime)];
    const partialMs = timeMs(status.lastPartialTime);
    const { creationTimestamp } = schedule.metadata;
    const labels = this.#series.note(schedule, {
      // No backup comes any more: somebody is to hear of it.
      overdueAtMs: isInvalid && !schedule.spec.suspend ? 0 : overdueAtMs,
      sinceMs: successMs ?? timeMs(status.timetable?.since) ?? timeMs(creationTimestamp),
    });
    this.#invalid.set(labels, isInvalid ? 1 : 0);
    if (failureMs !== undefined) this.#lastFailure.set(labels, failureMs / 1_000);
    if (partialMs !== undefined) this.#lastPartial.set(labels, partialMs / 1_000);
    if (successMs !== undefined) this.#success.set(labels, successMs / 1_000);
    if (intervalMs === undefined) this.#interval.remove(labels);
    else this.#interval.set(labels, intervalMs / 1_000);
    this.#suspended.set(labels, schedule.spec.suspend ? 1 : 0);
  }

  failed(schedule: ScheduleObject, reason: string): void {
    this.#series.failed(schedule, reason);
  }

  skipped(schedule: ScheduleObject, slots: number): void {
    this.#skipped.inc(this.#series.note(schedule), slots);
  }

  forget(uid: string): void {
    this.#series.forget(uid);
  }
}
