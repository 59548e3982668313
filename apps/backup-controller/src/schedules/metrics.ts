import { QUEUE_BACKUP_REASONS, type QueueBackupScheduleStatus } from '@redis-queue/api';
import type { ObjectMemory } from '@redis-queue/controller';
import { Counter, Gauge, type Registry } from 'prom-client';
import { timeMs, type ScheduleObject } from './schedules.ts';

interface Known {
  readonly labels: { readonly namespace: string; readonly schedule: string };
  /** Unix ms from which the age of the last success counts. */
  sinceMs?: number | undefined;
  /** Unix ms from which a backup is overdue. */
  overdueAtMs?: number | undefined;
  /** With which failures were counted. */
  readonly reasons: Set<string>;
}

interface Timing {
  readonly intervalMs: number | undefined;
  /** Unix ms. */
  readonly overdueAtMs: number | undefined;
  /** It cannot be read, or has no next time. */
  readonly isInvalid?: boolean;
}

/** What alerts on backups need. There are as many series as schedules; those of a deleted one are removed. */
export class ScheduleMetrics implements ObjectMemory {
  readonly #success: Gauge;
  readonly #lastFailure: Gauge;
  readonly #interval: Gauge;
  readonly #suspended: Gauge;
  readonly #invalid: Gauge;
  readonly #failures: Counter<'reason' | 'namespace' | 'schedule'>;
  readonly #skipped: Counter;
  readonly #known = new Map<string, Known>();

  /** @param now Unix ms, for ages, which are counted when they are asked for. */
  constructor(registry: Registry, now: () => number = Date.now) {
    const registers = [registry];
    const labelNames = ['namespace', 'schedule'] as const;
    this.#success = new Gauge({
      name: 'redis_queue_backup_schedule_last_success_timestamp_seconds',
      help: 'When the newest backup of the schedule that completed had ended; none before the first one.',
      labelNames,
      registers,
    });
    const known = this.#known;
    // oxlint-disable-next-line no-new -- the registry has it
    new Gauge({
      name: 'redis_queue_backup_schedule_last_success_age_seconds',
      help: 'How long ago that was; before the first one, since when the schedule has been in effect.',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { labels, sinceMs = now() } of known.values())
          this.set({ ...labels }, Math.max(0, now() - sinceMs) / 1_000);
      },
    });
    // oxlint-disable-next-line no-new -- the registry has it
    new Gauge({
      name: 'redis_queue_backup_schedule_overdue',
      help: '1 when two times of the schedule have passed, an hour at least, since the one of the last good backup, and when the schedule is invalid and not suspended.',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { labels, overdueAtMs = Infinity } of known.values())
          this.set({ ...labels }, now() >= overdueAtMs ? 1 : 0);
      },
    });
    this.#lastFailure = new Gauge({
      name: 'redis_queue_backup_schedule_last_failure_timestamp_seconds',
      help: 'When the newest backup of the schedule that failed had ended; none before the first one.',
      labelNames,
      registers,
    });
    this.#interval = new Gauge({
      name: 'redis_queue_backup_schedule_expected_interval_seconds',
      help: 'Time from the next backup of the schedule to the one after it.',
      labelNames,
      registers,
    });
    this.#suspended = new Gauge({
      name: 'redis_queue_backup_schedule_suspended',
      help: '1 while the schedule is suspended.',
      labelNames,
      registers,
    });
    this.#invalid = new Gauge({
      name: 'redis_queue_backup_schedule_invalid',
      help: '1 while the schedule cannot be read or has no next time, so that no backup is taken.',
      labelNames,
      registers,
    });
    this.#failures = new Counter({
      name: 'redis_queue_backup_schedule_failures_total',
      help: 'Backups of the schedule that failed, by the reason of their condition Ready.',
      labelNames: [...labelNames, 'reason'],
      registers,
    });
    this.#skipped = new Counter({
      name: 'redis_queue_backup_schedule_skipped_total',
      help: 'Times of the schedule for which no backup was taken.',
      labelNames,
      registers,
    });
  }

  /** What a reconcile has found out: the interval is undefined when there are no two more slots. */
  observed(
    schedule: ScheduleObject,
    status: QueueBackupScheduleStatus,
    { intervalMs, overdueAtMs, isInvalid = false }: Timing,
  ): void {
    const known = this.#of(schedule);
    const { labels } = known;
    const [successMs, failureMs] = [timeMs(status.lastSuccessfulTime), timeMs(status.lastFailedTime)];
    const { creationTimestamp } = schedule.metadata;
    // No backup comes any more: somebody is to hear of it.
    known.overdueAtMs = isInvalid && !schedule.spec.suspend ? 0 : overdueAtMs;
    this.#invalid.set(labels, isInvalid ? 1 : 0);
    if (failureMs !== undefined) this.#lastFailure.set(labels, failureMs / 1_000);
    known.sinceMs = successMs ?? timeMs(status.timetable?.since) ?? timeMs(creationTimestamp);
    if (successMs !== undefined) this.#success.set(labels, successMs / 1_000);
    if (intervalMs === undefined) this.#interval.remove(labels);
    else this.#interval.set(labels, intervalMs / 1_000);
    this.#suspended.set(labels, schedule.spec.suspend ? 1 : 0);
  }

  failed(schedule: ScheduleObject, reason: string): void {
    const { labels, reasons } = this.#of(schedule);
    const known = Object.hasOwn(QUEUE_BACKUP_REASONS, reason) ? reason : 'Other';
    reasons.add(known);
    this.#failures.inc({ ...labels, reason: known });
  }

  skipped(schedule: ScheduleObject, slots: number): void {
    this.#skipped.inc(this.#of(schedule).labels, slots);
  }

  forget(uid: string): void {
    const known = this.#known.get(uid);
    if (!known) return;
    this.#known.delete(uid);
    for (const metric of [
      this.#success,
      this.#lastFailure,
      this.#interval,
      this.#suspended,
      this.#invalid,
      this.#skipped,
    ])
      metric.remove(known.labels);
    for (const reason of known.reasons) this.#failures.remove({ ...known.labels, reason });
  }

  #of({ metadata: { uid = '', namespace = '', name } }: ScheduleObject): Known {
    const known = this.#known.get(uid) ?? { labels: { namespace, schedule: name }, reasons: new Set() };
    this.#known.set(uid, known);
    return known;
  }
}
