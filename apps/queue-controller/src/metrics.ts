import type { Queue } from '@redis-queue/api';
import { headAgeMs, type QueueSample, type ShareUsedUp } from '@redis-queue/bullmq';
import { LiveGauge, metricValue } from '@redis-queue/controller';
import type { CircuitObserver } from '@redis-queue/redis-access';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { QueueStep } from './steps.ts';

const STATES = ['waiting', 'prioritized', 'active', 'delayed', 'overdue', 'completed', 'failed'] as const;

/** What calls Redis, each with circuit breakers of its own. */
export type RedisCaller = 'reconcile' | 'sample' | 'upkeep';

/**
 * The app's own metrics. Labels name Queue objects, so there are as many series as objects, and those of deleted ones
 * are removed.
 */
export class QueueMetrics {
  #shown: readonly Shown[] = [];
  readonly #changes: Counter;
  readonly #drift: Counter;
  readonly #sampleSeconds: Histogram;
  readonly #sampleFailures: Counter;
  readonly #driftCheckSeconds: Histogram;
  readonly #driftCheckFailures: Counter;
  readonly #openCircuits: Gauge;
  readonly #circuitsOpened: Counter;
  readonly #callsRefused: Counter;
  readonly #sharesUsedUp: Counter<'outcome'>;
  readonly #connections: Gauge;
  #countConnections = (): number => 0;
  readonly #countOpen = new Map<RedisCaller, () => number>();

  constructor(registry: Registry) {
    const registers = [registry];
    const ofQueues = (name: string, help: string, rows: (shown: Shown) => Iterable<string>): void =>
      void new LiveGauge({ name, help, registers }, () => this.#rows(rows));
    ofQueues(
      'redis_queue_jobs',
      'Jobs by state; overdue ones are part of delayed, dead ones lie in the dead-letter queue.',
      jobRows,
    );
    ofQueues(
      'redis_queue_oldest_job_age_seconds',
      'How long the job next in line has been ready.',
      ({ labels, sample }) => secondsRow(labels, headAgeMs(sample)),
    );
    ofQueues(
      'redis_queue_wait_p95_seconds',
      '95th percentile of recent waits, ready to started.',
      ({ labels, waitP95Ms }) => secondsRow(labels, waitP95Ms),
    );
    ofQueues('redis_queue_paused', '1 while the queue is paused.', ({ labels, sample }) => [
      `{${labels}} ${sample.paused ? 1 : 0}`,
    ]);
    this.#changes = new Counter({
      name: 'redis_queue_policy_changes_total',
      help: 'Settings written to Redis.',
      labelNames: ['step'],
      registers,
    });
    this.#drift = new Counter({
      name: 'redis_queue_drift_corrections_total',
      help: 'Settings restored after somebody else had changed them in Redis.',
      labelNames: ['step'],
      registers,
    });
    this.#sampleSeconds = new Histogram({
      name: 'redis_queue_sample_duration_seconds',
      help: 'Time to sample all queues of one Redis.',
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5],
      registers,
    });
    this.#sampleFailures = new Counter({
      name: 'redis_queue_sample_failures_total',
      help: 'Samples of a queue or of a whole Redis that failed, by reason; RoundTooLong: a slow Redis, whose other queues have their turn in the next round.',
      labelNames: ['reason'],
      registers,
    });
    this.#driftCheckSeconds = new Histogram({
      name: 'redis_queue_drift_check_duration_seconds',
      help: 'Time to compare all queues of one Redis with what their last reconciles left there.',
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5],
      registers,
    });
    this.#driftCheckFailures = new Counter({
      name: 'redis_queue_drift_check_failures_total',
      help: 'Comparisons of all queues of one Redis that failed, by reason; RoundTooLong: a slow Redis, whose other queues have their turn in the next round.',
      labelNames: ['reason'],
      registers,
    });
    const countOpen = this.#countOpen;
    this.#openCircuits = new Gauge({
      name: 'redis_queue_redis_circuits_open',
      help: 'Redis connections that did not answer and are not used for some seconds.',
      labelNames: ['caller'],
      registers,
      collect() {
        for (const [caller, count] of countOpen) this.set({ caller }, count());
      },
    });
    this.#circuitsOpened = new Counter({
      name: 'redis_queue_redis_circuits_opened_total',
      help: 'How often a Redis did not answer and was left alone for some seconds.',
      labelNames: ['caller'],
      registers,
    });
    const countConnections = (): number => this.#countConnections();
    this.#connections = new Gauge({
      name: 'redis_queue_redis_connections',
      help: 'Connections to Redis that are open.',
      registers,
      collect() {
        this.set(countConnections());
      },
    });
    this.#sharesUsedUp = new Counter({
      name: 'redis_queue_redis_connection_share_used_up_total',
      help: 'How often a namespace, a server or all together had as many connections as their share allows: an idle one was closed for another, or the call was refused until one is idle.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of ['closed', 'refused'] as const) this.#sharesUsedUp.inc({ outcome }, 0);
    this.#callsRefused = new Counter({
      name: 'redis_queue_redis_calls_refused_total',
      help: 'Calls that were not begun because their Redis had not answered.',
      labelNames: ['caller'],
      registers,
    });
  }

  /** What the circuit breakers of a caller report to. @param countOpen how many are open now */
  circuits(caller: RedisCaller, countOpen: () => number): CircuitObserver {
    this.#countOpen.set(caller, countOpen);
    this.#openCircuits.set({ caller }, 0);
    for (const counter of [this.#circuitsOpened, this.#callsRefused]) counter.inc({ caller }, 0);
    return {
      opened: () => this.#circuitsOpened.inc({ caller }),
      refused: () => this.#callsRefused.inc({ caller }),
    };
  }

  /** @param countOpen how many connections to Redis are open now. @returns what is told of shares that are used up */
  connections(countOpen: () => number): (outcome: ShareUsedUp) => void {
    this.#countConnections = countOpen;
    this.#connections.set(0);
    return (outcome) => this.#sharesUsedUp.inc({ outcome });
  }

  changed(step: QueueStep['kind'], drift: boolean): void {
    this.#changes.inc({ step });
    if (drift) this.#drift.inc({ step });
  }

  sampleTook(seconds: number): void {
    this.#sampleSeconds.observe(seconds);
  }

  sampleFailed(reason: string): void {
    this.#sampleFailures.inc({ reason });
  }

  driftCheckTook(seconds: number): void {
    this.#driftCheckSeconds.observe(seconds);
  }

  driftCheckFailed(reason: string): void {
    this.#driftCheckFailures.inc({ reason });
  }

  /** Shows exactly these samples: what was not sampled this time shows nothing, never an old number. */
  show(
    samples: readonly { queue: Queue; sample: QueueSample; waitP95Ms: number | undefined; dead?: number | undefined }[],
  ): void {
    this.#shown = samples.map(({ queue: { metadata }, sample, waitP95Ms, dead }) => ({
      labels: `namespace="${metadata.namespace ?? ''}",queue="${metadata.name}"`,
      sample,
      waitP95Ms,
      dead,
    }));
  }

  *#rows(rows: (shown: Shown) => Iterable<string>): Generator<string> {
    for (const shown of this.#shown) yield* rows(shown);
  }
}

/** What was sampled of a queue. Its rows are written when somebody reads them: of thousands they take a while. */
interface Shown {
  readonly labels: string;
  readonly sample: QueueSample;
  readonly waitP95Ms: number | undefined;
  readonly dead: number | undefined;
}

function* jobRows({ labels, sample, dead }: Shown): Generator<string> {
  for (const state of STATES) {
    // Jobs of a paused queue may wait in a list of their own.
    const jobs = state === 'waiting' ? sample.waiting + sample.legacyPaused : sample[state];
    yield `{${labels},state="${state}"} ${jobs}`;
  }
  if (dead !== undefined) yield `{${labels},state="dead"} ${dead}`;
}

function secondsRow(labels: string, ms: number | undefined): string[] {
  return ms === undefined ? [] : [`{${labels}} ${metricValue(ms / 1_000)}`];
}
