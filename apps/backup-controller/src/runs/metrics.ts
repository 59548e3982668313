import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

type Labels = 'namespace';

/** Seconds that runs take: a small queue is done at once, a large one takes minutes. */
const DURATIONS = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000];

/** What the backups, or the restores, of this process did. By namespace and reason, so their number does not grow with the objects. */
export class RunMetrics {
  readonly #lastSuccess: Gauge<Labels>;
  readonly #lastMs = new Map<string, number>();
  readonly #duration: Histogram;
  readonly #jobs: Counter<Labels>;
  readonly #failures: Counter<Labels | 'reason'>;

  /** @param running how many have a place now. */
  constructor(registry: Registry, what: 'backup' | 'restore', running: () => number) {
    const registers = [registry];
    const prefix = `redis_queue_${what}`;
    this.#lastSuccess = new Gauge({
      name: `${prefix}_last_success_timestamp_seconds`,
      help: `When a ${what} of the namespace completed last, in Unix seconds, of those that there are.`,
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
      collect: () => underWay.set(running()),
    });
  }

  /** An object that completed at this time; those from before this process are seen when it starts. */
  sawCompleted(namespace: string, completionTime: string | undefined): void {
    const ms = Date.parse(completionTime ?? '');
    if (Number.isNaN(ms) || ms <= (this.#lastMs.get(namespace) ?? -Infinity)) return;
    this.#lastMs.set(namespace, ms);
    this.#lastSuccess.set({ namespace }, ms / 1_000);
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

  constructor(registry: Registry, running: () => number) {
    super(registry, 'backup', running);
    this.#bytes = new Counter({
      name: 'redis_queue_backup_stored_bytes_total',
      help: 'Bytes that the backups which completed have in their storages.',
      labelNames: ['namespace'],
      registers: [registry],
    });
  }

  stored(namespace: string, bytes: number): void {
    this.#bytes.inc({ namespace }, bytes);
  }
}
