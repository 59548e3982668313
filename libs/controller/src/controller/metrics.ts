import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { WorkQueueObserver } from '../queue/types.ts';
import type { WorkQueue } from '../queue/work-queue.ts';

export type ReconcileOutcome = 'success' | 'error' | 'requeue' | 'requeue_after';

export interface ReconcileMetrics {
  finished(outcome: ReconcileOutcome, seconds: number): void;
  failed(kind: 'error' | 'terminal' | 'panic' | 'timeout' | 'unreported'): void;
  active(delta: 1 | -1): void;
}

const OUTCOMES: ReconcileOutcome[] = ['success', 'error', 'requeue', 'requeue_after'];
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const QUEUE_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300];

/**
 * The metrics of all controllers of a process, under controller-runtime's names, so that its dashboards and alerts fit.
 */
export class ControllerMetrics {
  readonly #registry: Registry;
  readonly #queues = new Map<string, { queue: WorkQueue; now: () => number }>();
  readonly #reconciles;
  readonly #duration;
  readonly #failures;
  readonly #active;
  readonly #maxConcurrent;
  readonly #queue;
  readonly #lostEvents;

  constructor(registry: Registry) {
    this.#registry = registry;
    const labels = ['controller'] as const;
    const counter = (name: string, help: string): Counter<'controller'> =>
      new Counter({ name, help, labelNames: labels, registers: [registry] });
    this.#reconciles = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciles by result.',
      labelNames: ['controller', 'result'],
      registers: [registry],
    });
    this.#failures = {
      error: counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.'),
      terminal: counter('controller_runtime_terminal_reconcile_errors_total', 'Failures that are not tried again.'),
      panic: counter('controller_runtime_reconcile_panics_total', 'Reconciles that failed by a fault of the program.'),
      timeout: counter('controller_runtime_reconcile_timeouts_total', 'Reconciles that took too long.'),
      unreported: counter(
        'redis_queue_unreported_failures_total',
        'Failures that could not be written into the status of their object.',
      ),
    };
    this.#duration = new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Duration of a reconcile.',
      labelNames: labels,
      buckets: SECONDS,
      registers: [registry],
    });
    this.#active = this.#gauge('controller_runtime_active_workers', 'Reconciles under way.', labels);
    this.#maxConcurrent = this.#gauge(
      'controller_runtime_max_concurrent_reconciles',
      'Most reconciles at once.',
      labels,
    );
    this.#queue = this.#queueMetrics();
    this.#lostEvents = new Counter({
      name: 'redis_queue_events_lost_total',
      help: 'Events that nobody will see: refused, or not answered, by the API server; or full: too many waited.',
      labelNames: ['reason'],
      registers: [registry],
    });
    for (const reason of ['refused', 'full']) this.#lostEvents.inc({ reason }, 0);
  }

  eventLost(reason: 'refused' | 'full'): void {
    this.#lostEvents.inc({ reason });
  }

  reconciles(controller: string, concurrency: number): ReconcileMetrics {
    for (const result of OUTCOMES) this.#reconciles.inc({ controller, result }, 0);
    for (const failures of Object.values(this.#failures)) failures.inc({ controller }, 0);
    this.#duration.zero({ controller });
    this.#active.set({ controller }, 0);
    this.#maxConcurrent.set({ controller }, concurrency);
    return {
      finished: (result, seconds) => {
        this.#reconciles.inc({ controller, result });
        this.#duration.observe({ controller }, seconds);
      },
      failed: (kind) => this.#failures[kind].inc({ controller }),
      active: (delta) => this.#active.inc({ controller }, delta),
    };
  }

  queue(controller: string): WorkQueueObserver {
    const labels = { name: controller, controller };
    const metrics = this.#queue;
    metrics.depth.set({ ...labels, priority: '0' }, 0);
    for (const counter of [metrics.adds, metrics.retries]) counter.inc(labels, 0);
    for (const histogram of [metrics.waited, metrics.worked]) histogram.zero(labels);
    return {
      added: () => metrics.adds.inc(labels),
      retried: () => metrics.retries.inc(labels),
      depth: (priority, count) => metrics.depth.set({ ...labels, priority: String(priority) }, count),
      waited: (seconds) => metrics.waited.observe(labels, seconds),
      worked: (seconds) => metrics.worked.observe(labels, seconds),
    };
  }

  /** The gauges of work that does not end are read from the queue itself, at each scrape. */
  watchQueue(controller: string, queue: WorkQueue, now: () => number): void {
    this.#queues.set(controller, { queue, now });
  }

  #queueMetrics() {
    const labelNames = ['name', 'controller'] as const;
    const registers = [this.#registry];
    const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers });
    const histogram = (name: string, help: string) =>
      new Histogram({ name, help, labelNames, buckets: QUEUE_SECONDS, registers });
    const unfinished = this.#gauge('workqueue_unfinished_work_seconds', 'Sum of ages of work under way.', labelNames);
    const longest = this.#gauge('workqueue_longest_running_processor_seconds', 'Oldest work under way.', labelNames);
    const ages = (name: string): number[] => {
      const watched = this.#queues.get(name);
      return watched ? watched.queue.processingSince().map((since) => (watched.now() - since) / 1000) : [];
    };
    const collect = (gauge: Gauge<'name' | 'controller'>, value: (ages: number[]) => number): void => {
      for (const name of this.#queues.keys()) gauge.set({ name, controller: name }, value(ages(name)));
    };
    Object.assign(unfinished, {
      collect: () => collect(unfinished, (seconds) => seconds.reduce((sum, age) => sum + age, 0)),
    });
    Object.assign(longest, { collect: () => collect(longest, (seconds) => Math.max(0, ...seconds)) });
    return {
      adds: counter('workqueue_adds_total', 'Additions to the queue.'),
      retries: counter('workqueue_retries_total', 'Additions after a failure.'),
      waited: histogram('workqueue_queue_duration_seconds', 'Time in the queue before being worked on.'),
      worked: histogram('workqueue_work_duration_seconds', 'Time being worked on.'),
      depth: this.#gauge('workqueue_depth', 'Keys waiting.', ['name', 'controller', 'priority'] as const),
    };
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }
}
