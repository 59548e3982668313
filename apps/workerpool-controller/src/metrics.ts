import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { BusDropReason } from '@redis-queue/scaling-bus';
import type { PoolStep } from './deployment/steps.ts';
import type { DecisionMetrics } from './size/consume.ts';
import type { DropReason } from './size/judge.ts';

const DROP_REASONS: readonly (DropReason | BusDropReason | 'other-scope')[] = [
  'pool-gone',
  'autoscaling-off',
  'no-deployment',
  'older',
  'contested',
  'pods-starting',
  'expired',
  'malformed',
  'unknown-version',
  'other-scope',
];

const STEPS = { create: 0, applyTemplate: 0, scale: 0, takeOver: 0, applyBudget: 0 } satisfies Record<
  PoolStep['kind'],
  number
>;

/** How a rollout ended; the label of a metric, so a fixed set. */
export type RolloutOutcome = 'complete' | 'failed' | 'rolled-back';
const ROLLOUT_OUTCOMES: readonly RolloutOutcome[] = ['complete', 'failed', 'rolled-back'];

/** The app's own metrics; no label names a pool, so their number is fixed. */
export class PoolMetrics implements DecisionMetrics {
  /** 1 while the bus answers. */
  readonly busConnected: Gauge;
  readonly #decisions: Counter;
  readonly #dropped: Counter;
  readonly #failures: Counter;
  readonly #waiting: Gauge;
  readonly #lag: Histogram;
  readonly #steps: Counter;
  readonly #deletionCosts: Counter;
  readonly #replaced: Counter;
  readonly #rollouts: Counter;
  readonly #podStarts: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    this.busConnected = new Gauge({
      name: 'redis_queue_bus_connected',
      help: 'Whether the bus answers its consumer: 1, or 0 while it cannot be reached, refuses, or is not configured.',
      registers,
    });
    this.#decisions = new Counter({
      name: 'redis_queue_decisions_consumed_total',
      help: 'Decisions of the autoscaler acted on: scale changed a size, note did not have to.',
      labelNames: ['outcome'],
      registers,
    });
    this.#dropped = new Counter({
      name: 'redis_queue_decisions_dropped_total',
      help: 'Decisions of the autoscaler not acted on, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.#failures = new Counter({
      name: 'redis_queue_decision_failures_total',
      help: 'Decisions that could not be applied and are delivered again.',
      registers,
    });
    this.#waiting = new Gauge({
      name: 'redis_queue_decisions_waiting',
      help: 'Decisions of the autoscaler that wait for the turn of their namespace.',
      registers,
    });
    this.#lag = new Histogram({
      name: 'redis_queue_decision_lag_seconds',
      help: 'From the sample that a decision was made on until it was applied.',
      buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
      registers,
    });
    this.#steps = new Counter({
      name: 'redis_queue_deployment_writes_total',
      help: 'Writes to Deployments and PodDisruptionBudgets by the reconciler, by step.',
      labelNames: ['step'],
      registers,
    });
    this.#deletionCosts = new Counter({
      name: 'redis_queue_pod_deletion_costs_total',
      help: 'Before a scale-in: pods whose pod-deletion-cost was written; refused: scale-ins that had to do without.',
      labelNames: ['result'],
      registers,
    });
    this.#replaced = new Counter({
      name: 'redis_queue_stuck_pods_replaced_total',
      help: 'Pods that did not speak to Redis and were replaced; refused: the API server or a PodDisruptionBudget did not let one go.',
      labelNames: ['result'],
      registers,
    });
    this.#rollouts = new Counter({
      name: 'redis_queue_rollouts_total',
      help: 'Rollouts of pools by outcome: complete, failed (no progress within the deadline) or rolled-back.',
      labelNames: ['outcome'],
      registers,
    });
    this.#podStarts = new Histogram({
      name: 'redis_queue_pod_start_seconds',
      help: 'How long worker pods took from their creation until they were ready; without those that waited for a node.',
      buckets: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600],
      registers,
    });
    for (const outcome of ROLLOUT_OUTCOMES) this.#rollouts.inc({ outcome }, 0);
    for (const step of Object.keys(STEPS)) this.#steps.inc({ step }, 0);
    for (const result of ['written', 'refused']) this.#deletionCosts.inc({ result }, 0);
    for (const result of ['replaced', 'refused']) this.#replaced.inc({ result }, 0);
    for (const reason of DROP_REASONS) this.#dropped.inc({ reason }, 0);
    for (const outcome of ['scale', 'note']) this.#decisions.inc({ outcome }, 0);
  }

  consumed(outcome: 'scale' | 'note'): void {
    this.#decisions.inc({ outcome });
  }

  dropped(reason: DropReason | BusDropReason | 'other-scope'): void {
    this.#dropped.inc({ reason });
  }

  deletionCosts(result: 'written' | 'refused'): void {
    this.#deletionCosts.inc({ result });
  }

  podReplaced(result: 'replaced' | 'refused'): void {
    this.#replaced.inc({ result });
  }

  failed(): void {
    this.#failures.inc();
  }

  waiting(count: number): void {
    this.#waiting.set(count);
  }

  lag(ms: number): void {
    this.#lag.observe(Math.max(0, ms) / 1000);
  }

  rollout(outcome: RolloutOutcome): void {
    this.#rollouts.inc({ outcome });
  }

  podStarted(startMs: number): void {
    this.#podStarts.observe(startMs / 1_000);
  }

  wrote(step: PoolStep['kind']): void {
    this.#steps.inc({ step });
  }
}
