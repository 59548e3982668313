import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Decision } from '@redis-queue/scaling';
import type { ScaledPool } from './topology.ts';

const POOL_LABELS = ['namespace', 'pool'] as const;

/** What the autoscaler tells of itself; one time series a pool and gauge, none a queue. */
export class AutoscalerMetrics {
  readonly #desired: Gauge<'namespace' | 'pool'>;
  readonly #confidence: Gauge<'namespace' | 'pool'>;
  readonly #held: Gauge<'namespace' | 'pool' | 'reason'>;
  readonly #published: Counter<'result'>;
  readonly #lag: Histogram;
  readonly #samples: Histogram<'result'>;
  readonly #wake: Histogram;
  readonly #lastHold = new Map<string, string>();

  constructor(registry: Registry) {
    const registers = [registry];
    this.#desired = new Gauge({
      name: 'redis_queue_autoscaler_desired_replicas',
      help: 'Replicas that the pool shall have.',
      labelNames: POOL_LABELS,
      registers,
    });
    this.#confidence = new Gauge({
      name: 'redis_queue_autoscaler_confidence',
      help: 'How much of what the size rests on was measured, 0 to 1.',
      labelNames: POOL_LABELS,
      registers,
    });
    this.#held = new Gauge({
      name: 'redis_queue_autoscaler_held',
      help: '1 for the reason why the size does not follow the demand.',
      labelNames: [...POOL_LABELS, 'reason'],
      registers,
    });
    this.#published = new Counter({
      name: 'redis_queue_autoscaler_decisions_published_total',
      help: 'Decisions given to the bus, by result.',
      labelNames: ['result'],
      registers,
    });
    this.#lag = new Histogram({
      name: 'redis_queue_autoscaler_tick_lag_seconds',
      help: 'How much later than planned a queue was looked at.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.5, 1, 5],
      registers,
    });
    this.#samples = new Histogram({
      name: 'redis_queue_autoscaler_sample_duration_seconds',
      help: 'How long it took to look at the queues of one Redis that were due.',
      labelNames: ['result'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    });
    this.#wake = new Histogram({
      name: 'redis_queue_autoscaler_wake_latency_seconds',
      help: 'From the news of a job in a queue at rest to the decision on the bus.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    });
  }

  decided(pool: ScaledPool, { desired, confidence, heldBy }: Decision): void {
    const labels = { namespace: pool.namespace, pool: pool.name };
    this.#desired.set(labels, desired);
    this.#confidence.set(labels, confidence);
    const before = this.#lastHold.get(pool.key);
    if (before === heldBy) return;
    if (before !== undefined) this.#held.remove({ ...labels, reason: before });
    this.#lastHold.delete(pool.key);
    if (heldBy === undefined) return;
    this.#held.set({ ...labels, reason: heldBy }, 1);
    this.#lastHold.set(pool.key, heldBy);
  }

  published(result: 'ok' | 'failed'): void {
    this.#published.inc({ result });
  }

  looked(result: 'ok' | 'failed', lagMs: number, durationMs: number): void {
    this.#lag.observe(Math.max(0, lagMs) / 1_000);
    this.#samples.observe({ result }, durationMs / 1_000);
  }

  woken(latencyMs: number): void {
    this.#wake.observe(latencyMs / 1_000);
  }

  forget(pool: ScaledPool): void {
    const labels = { namespace: pool.namespace, pool: pool.name };
    this.#desired.remove(labels);
    this.#confidence.remove(labels);
    const held = this.#lastHold.get(pool.key);
    if (held !== undefined) this.#held.remove({ ...labels, reason: held });
    this.#lastHold.delete(pool.key);
  }
}
