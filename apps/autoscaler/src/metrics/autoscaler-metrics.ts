import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ServerClients, ShareUsedUp } from '@redis-queue/bullmq';
import type { Decision } from '@redis-queue/scaling';
import { DecisionGauges } from './decision-gauges.ts';
import type { ScaledPool } from '../watching/topology.ts';

/** Metrics of the autoscaler itself, and of each pool's last decision. */
export class AutoscalerMetrics {
  readonly #decisions: DecisionGauges;
  readonly #published: Counter<'result'>;
  readonly #lag: Histogram;
  readonly #samples: Histogram<'result'>;
  readonly #wake: Histogram;
  readonly #sampling: Gauge<'redis'>;
  readonly #wakeUps: Gauge<'redis'>;
  readonly #clients: Gauge<'redis'>;
  readonly #maxClients: Gauge<'redis'>;
  readonly #sharesUsedUp: Counter<'outcome'>;
  readonly #connections: Gauge;
  #countConnections = (): number => 0;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#decisions = new DecisionGauges(registry);
    this.#published = new Counter({
      name: 'redis_queue_autoscaler_decisions_published_total',
      help: 'Decisions published on the bus, by result.',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['ok', 'failed']) this.#published.inc({ result }, 0);
    this.#lag = new Histogram({
      name: 'redis_queue_autoscaler_tick_lag_seconds',
      help: 'How much later than planned a queue was sampled.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.5, 1, 5],
      registers,
    });
    this.#samples = new Histogram({
      name: 'redis_queue_autoscaler_sample_duration_seconds',
      help: 'How long it took to sample the queues of one Redis that were due.',
      labelNames: ['result'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    });
    this.#wake = new Histogram({
      name: 'redis_queue_autoscaler_wake_latency_seconds',
      help: 'From the notification of a job in a queue at rest to the decision on the bus.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    });
    this.#sampling = new Gauge({
      name: 'redis_queue_autoscaler_sampling_cpu_share',
      help: 'Share of one core of a Redis that sampling took at most lately; samples are put off to keep it below 0.03.',
      labelNames: ['redis'],
      registers,
    });
    this.#clients = new Gauge({
      name: 'redis_queue_autoscaler_redis_clients',
      help: 'Connections of all clients to a Redis, as it reports them.',
      labelNames: ['redis'],
      registers,
    });
    this.#maxClients = new Gauge({
      name: 'redis_queue_autoscaler_redis_clients_max',
      help: 'Connections that a Redis takes (maxclients); pools grow to nine tenths of it.',
      labelNames: ['redis'],
      registers,
    });
    const countConnections = (): number => this.#countConnections();
    this.#connections = new Gauge({
      name: 'redis_queue_autoscaler_redis_connections',
      help: 'Connections to Redis that are open for samples; those for wake-ups are not counted.',
      registers,
      collect() {
        this.set(countConnections());
      },
    });
    this.#sharesUsedUp = new Counter({
      name: 'redis_queue_autoscaler_redis_connection_share_used_up_total',
      help: 'How often a namespace, a server or all together had as many connections as their share allows: an idle one was closed for another, or the queue was not sampled until one is idle.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of ['closed', 'refused'] as const) this.#sharesUsedUp.inc({ outcome }, 0);
    this.#wakeUps = new Gauge({
      name: 'redis_queue_autoscaler_wake_ups_armed',
      help: '1 while this Redis notifies of new jobs in queues at rest; 0 while they are polled instead.',
      labelNames: ['redis'],
      registers,
    });
  }

  /** @param countOpen how many connections that sample are open now. @returns what is told of shares that are used up */
  connections(countOpen: () => number): (outcome: ShareUsedUp) => void {
    this.#countConnections = countOpen;
    this.#connections.set(0);
    return (outcome) => this.#sharesUsedUp.inc({ outcome });
  }

  /**
   * @param redis its host and port.
   * @param share of one of its cores, 0 to 1, that sampling took lately.
   */
  samplingShare(redis: string, share: number): void {
    this.#sampling.set({ redis }, share);
  }

  /** @param clients undefined: the server does not say how many it takes. */
  clients(redis: string, clients: ServerClients | undefined): void {
    if (clients === undefined) return this.#forgetClients(redis);
    this.#clients.set({ redis }, clients.connected);
    this.#maxClients.set({ redis }, clients.max);
  }

  #forgetClients(redis: string): void {
    this.#clients.remove({ redis });
    this.#maxClients.remove({ redis });
  }

  /** @param armed whether it notifies of new jobs in queues at rest. */
  wakeUps(redis: string, armed: boolean): void {
    this.#wakeUps.set({ redis }, armed ? 1 : 0);
  }

  forgetRedis(redis: string): void {
    this.#sampling.remove({ redis });
    this.#wakeUps.remove({ redis });
    this.#forgetClients(redis);
  }

  decided(pool: ScaledPool, decision: Decision): void {
    this.#decisions.decided(pool, decision);
  }

  published(result: 'ok' | 'failed'): void {
    this.#published.inc({ result });
  }

  sampled(result: 'ok' | 'failed', lagMs: number, durationMs: number): void {
    this.#lag.observe(Math.max(0, lagMs) / 1_000);
    this.#samples.observe({ result }, durationMs / 1_000);
  }

  woken(latencyMs: number): void {
    this.#wake.observe(latencyMs / 1_000);
  }

  forget(pool: ScaledPool): void {
    this.#decisions.forget(pool);
  }
}
