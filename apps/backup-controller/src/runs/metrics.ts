import { Counter, Gauge, Histogram, type GaugeConfiguration, type Registry } from 'prom-client';
import type { QueueBackupStatus } from '@redis-queue/api';
import type { RunFields } from './run-objects.ts';

type Labels = 'namespace';
/** What a status says of an end. */
type Ended = Pick<RunFields, 'phase' | 'completionTime'>;

/** Seconds that runs take: a small queue is done at once, a large one takes minutes. */
const DURATIONS = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000];

/** What this process runs now. */
export interface RunsUnderWay {
  readonly running: number;
  /** By namespace. */
  oldestMs(): ReadonlyMap<string, number>;
}

/** Several of them as one. */
export function together(all: readonly RunsUnderWay[]): RunsUnderWay {
  return {
    get running() {
      return all.reduce((sum, { running }) => sum + running, 0);
    },
    oldestMs() {
      const ages = new Map<string, number>();
      for (const runs of all)
        for (const [namespace, ms] of runs.oldestMs()) ages.set(namespace, Math.max(ages.get(namespace) ?? 0, ms));
      return ages;
    },
  };
}

/** A time per namespace that never goes back, in whichever order times are seen. */
class NewestTime {
  readonly #gauge: Gauge<Labels>;
  readonly #newest = new Map<string, number>();

  constructor(options: GaugeConfiguration<Labels>) {
    this.#gauge = new Gauge(options);
  }

  raise(namespace: string, seconds: number): void {
    if (seconds <= (this.#newest.get(namespace) ?? -Infinity)) return;
    this.#newest.set(namespace, seconds);
    this.#gauge.set({ namespace }, seconds);
  }
}

/** What the backups, or the restores, of this process did. By namespace and reason, so their number does not grow with the objects. */
export class RunMetrics {
  readonly #lastSuccess: NewestTime;
  readonly #lastFailure: NewestTime;
  readonly #duration: Histogram;
  readonly #jobs: Counter<Labels>;
  readonly #failures: Counter<Labels | 'reason'>;

  /** @param runs those that this process has. */
  constructor(registry: Registry, what: 'backup' | 'restore', runs: RunsUnderWay) {
    const registers = [registry];
    const prefix = `redis_queue_${what}`;
    this.#lastSuccess = new NewestTime({
      name: `${prefix}_last_success_timestamp_seconds`,
      help: `When a ${what} of the namespace completed last${what === 'backup' ? ' with all of its queues' : ''}, in Unix seconds, of those that there are.`,
      labelNames: ['namespace'],
      registers,
    });
    this.#lastFailure = new NewestTime({
      name: `${prefix}_last_failure_timestamp_seconds`,
      help: `When a ${what} of the namespace failed for good last, in Unix seconds, of those that there are.`,
      labelNames: ['namespace'],
      registers,
    });
    this.#duration = new Histogram({
      name: `${prefix}_duration_seconds`,
      help: `How long a ${what} took that completed, from when it had a place.`,
      buckets: DURATIONS,
      registers,
    });
    this.#jobs = new Counter({
      name: `${prefix}_jobs_total`,
      help: `Jobs of the ${what}s that completed.`,
      labelNames: ['namespace'],
      registers,
    });
    this.#failures = new Counter({
      name: `${prefix}_failures_total`,
      help: `Runs of ${what}s that failed, by the reason that the conditions give.`,
      labelNames: ['namespace', 'reason'],
      registers,
    });
    const underWay: Gauge = new Gauge({
      name: `${prefix}s_running`,
      help: `Runs of ${what}s that are under way.`,
      registers,
      collect: () => underWay.set(runs.running),
    });
    const age: Gauge<Labels> = new Gauge({
      name: `${prefix}_run_age_seconds`,
      help: `How long the oldest run of a ${what} of the namespace has been under way; none while none is.`,
      labelNames: ['namespace'],
      registers,
      collect() {
        age.reset();
        for (const [namespace, ms] of runs.oldestMs()) age.set({ namespace }, ms / 1_000);
      },
    });
  }

  /** An object that has ended, as its status says; those from before this process are seen when it starts. */
  sawEnd(namespace: string, { phase, completionTime }: Ended): void {
    const seconds = Date.parse(completionTime ?? '') / 1_000;
    if (Number.isNaN(seconds)) return;
    if (phase === 'Completed') this.#lastSuccess.raise(namespace, seconds);
    if (phase === 'Failed') this.#lastFailure.raise(namespace, seconds);
  }

  completed(namespace: string, { tookMs, jobs }: { tookMs: number; jobs: number }): void {
    this.#duration.observe(tookMs / 1_000);
    this.#jobs.inc({ namespace }, jobs);
  }

  failed(namespace: string, reason: string): void {
    this.#failures.inc({ namespace, reason });
  }
}

/** Those of backups, which write to storages. */
export class BackupMetrics extends RunMetrics {
  readonly #bytes: Counter<Labels>;
  readonly #lastPartial: NewestTime;

  constructor(registry: Registry, runs: RunsUnderWay) {
    super(registry, 'backup', runs);
    this.#lastPartial = new NewestTime({
      name: 'redis_queue_backup_last_partial_timestamp_seconds',
      help: 'When a backup of the namespace completed last that lacks queues which could not be read, in Unix seconds, of those that there are.',
      labelNames: ['namespace'],
      registers: [registry],
    });
    this.#bytes = new Counter({
      name: 'redis_queue_backup_stored_bytes_total',
      help: 'Bytes that the backups which completed have in their storages.',
      labelNames: ['namespace'],
      registers: [registry],
    });
  }

  /** One that lacks queues is no success: they are as old as the one before. */
  override sawEnd(namespace: string, status: Ended & Pick<QueueBackupStatus, 'leftOut'>): void {
    const seconds = Date.parse(status.completionTime ?? '') / 1_000;
    if (!status.leftOut?.length || Number.isNaN(seconds)) super.sawEnd(namespace, status);
    else this.#lastPartial.raise(namespace, seconds);
  }

  stored(namespace: string, bytes: number): void {
    this.#bytes.inc({ namespace }, bytes);
  }
}
