import { QUEUE_RESTORE_REASONS, type QueueBackupScheduleStatus } from '@redis-queue/api';
import type { ObjectMemory } from '@redis-queue/controller';
import { Counter, Gauge, type Registry } from 'prom-client';
import { timeMs, type ScheduleObject } from './schedules.ts';

interface Known {
  readonly labels: { readonly namespace: string; readonly schedule: string };
  /** Unix ms from which the age of the last success counts; undefined: the schedule has no drills. */
  sinceMs?: number | undefined;
  /** With which failures were counted. */
  readonly reasons: Set<string>;
}

/** What alerts on drills need. There are as many series as schedules with drills; those of a deleted one are removed. */
export class DrillMetrics implements ObjectMemory {
  readonly #success: Gauge;
  readonly #lastFailure: Gauge;
  readonly #duration: Gauge;
  readonly #failures: Counter<'reason' | 'namespace' | 'schedule'>;
  readonly #known = new Map<string, Known>();

  /** @param now Unix ms, for ages, which are counted when they are asked for. */
  constructor(registry: Registry, now: () => number = Date.now) {
    const registers = [registry];
    const labelNames = ['namespace', 'schedule'] as const;
    this.#success = new Gauge({
      name: 'redis_queue_backup_schedule_last_verified_timestamp_seconds',
      help: 'When the newest drill of the schedule that succeeded had ended; none before the first one.',
      labelNames,
      registers,
    });
    const known = this.#known;
    // oxlint-disable-next-line no-new -- the registry has it
    new Gauge({
      name: 'redis_queue_backup_schedule_last_verified_age_seconds',
      help: 'How long ago that was; before the first one, since when the schedule has been in effect. None without drills.',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { labels, sinceMs } of known.values())
          if (sinceMs !== undefined) this.set({ ...labels }, Math.max(0, now() - sinceMs) / 1_000);
      },
    });
    this.#lastFailure = new Gauge({
      name: 'redis_queue_backup_schedule_last_verification_failure_timestamp_seconds',
      help: 'When a drill of the schedule failed last; none before the first one.',
      labelNames,
      registers,
    });
    this.#duration = new Gauge({
      name: 'redis_queue_backup_schedule_verification_duration_seconds',
      help: 'How long that drill took, from when its QueueRestore was seen until every job had been compared.',
      labelNames,
      registers,
    });
    this.#failures = new Counter({
      name: 'redis_queue_backup_schedule_verification_failures_total',
      help: 'Drills of the schedule that failed, by the reason of their condition Failed.',
      labelNames: [...labelNames, 'reason'],
      registers,
    });
  }

  observed(schedule: ScheduleObject, status: QueueBackupScheduleStatus): void {
    const known = this.#of(schedule);
    const { labels } = known;
    const verifiedMs = timeMs(status.lastVerifiedTime);
    known.sinceMs = schedule.spec.verify && (verifiedMs ?? timeMs(status.timetable?.since));
    if (verifiedMs !== undefined) this.#success.set(labels, verifiedMs / 1_000);
    const failedMs = timeMs(status.lastVerificationFailedTime);
    if (failedMs !== undefined) this.#lastFailure.set(labels, failedMs / 1_000);
    if (status.lastVerifiedDurationSeconds !== undefined)
      this.#duration.set(labels, status.lastVerifiedDurationSeconds);
  }

  failed(schedule: ScheduleObject, reason: string): void {
    const { labels, reasons } = this.#of(schedule);
    const known = Object.hasOwn(QUEUE_RESTORE_REASONS, reason) ? reason : 'Other';
    reasons.add(known);
    this.#failures.inc({ ...labels, reason: known });
  }

  forget(uid: string): void {
    const known = this.#known.get(uid);
    if (!known) return;
    this.#known.delete(uid);
    for (const metric of [this.#success, this.#lastFailure, this.#duration]) metric.remove(known.labels);
    for (const reason of known.reasons) this.#failures.remove({ ...known.labels, reason });
  }

  #of({ metadata: { uid = '', namespace = '', name } }: ScheduleObject): Known {
    const known = this.#known.get(uid) ?? { labels: { namespace, schedule: name }, reasons: new Set() };
    this.#known.set(uid, known);
    return known;
  }
}
