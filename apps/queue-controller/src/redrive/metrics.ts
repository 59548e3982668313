import { Counter, type Registry } from 'prom-client';

const OUTCOMES = { Redriven: 'complete', Counted: 'complete', FilterInvalid: 'failed' } as const;

/** What redrives did, without a label per object: their number does not grow with the cluster. */
export class RedriveMetrics {
  readonly #jobs: Counter;
  readonly #ended: Counter<'outcome'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#jobs = new Counter({
      name: 'redis_queue_redriven_jobs_total',
      help: 'Dead letters that QueueRedrives put back into their queues.',
      registers,
    });
    this.#ended = new Counter({
      name: 'redis_queue_redrives_ended_total',
      help: 'QueueRedrives that have ended, dry runs included.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of new Set(Object.values(OUTCOMES))) this.#ended.inc({ outcome }, 0);
  }

  redriven(jobs: number): void {
    this.#jobs.inc(jobs);
  }

  ended(reason: keyof typeof OUTCOMES): void {
    this.#ended.inc({ outcome: OUTCOMES[reason] });
  }
}
