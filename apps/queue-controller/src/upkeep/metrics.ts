import { Counter, Histogram, type Registry } from 'prom-client';
import type { DutyName, UpkeepAction } from './duty.ts';

/** What a label of `redis_queue_upkeep_jobs_total` says. */
const ACTIONS: readonly Exclude<UpkeepAction, 'lost'>[] = [
  'moved',
  'retried',
  'expired',
  'removed',
  'eventsRemoved',
  'clamped',
];
const DUTIES: readonly DutyName[] = ['deadLetters', 'retention', 'priorities'];

/** The metrics of recurring work. No label names a queue, so that their number does not grow with the cluster. */
export class UpkeepMetrics {
  readonly #done: Counter<'action'>;
  readonly #lost: Counter;
  readonly #failures: Counter<'duty' | 'reason'>;
  readonly #seconds: Histogram<'duty'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#done = new Counter({
      name: 'redis_queue_upkeep_jobs_total',
      help: 'Jobs that recurring work has changed, by what was done; eventsRemoved counts events.',
      labelNames: ['action'],
      registers,
    });
    for (const action of ACTIONS) this.#done.inc({ action }, 0);
    this.#lost = new Counter({
      name: 'redis_queue_dead_letters_lost_total',
      help: 'Jobs that failed for good and were removed before they could become dead letters, as far as is known.',
      registers,
    });
    this.#failures = new Counter({
      name: 'redis_queue_upkeep_failures_total',
      help: 'Turns of a queue, or of a whole Redis, in which recurring work could not be done.',
      labelNames: ['duty', 'reason'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'redis_queue_upkeep_turn_duration_seconds',
      help: 'Time that recurring work took for the queues of one Redis that were due.',
      labelNames: ['duty'],
      buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 5],
      registers,
    });
    for (const duty of DUTIES) this.#seconds.zero({ duty });
  }

  done(action: UpkeepAction, jobs: number): void {
    if (action === 'lost') this.#lost.inc(jobs);
    else this.#done.inc({ action }, jobs);
  }

  failed(duty: DutyName, reason: string): void {
    this.#failures.inc({ duty, reason });
  }

  took(duty: DutyName, seconds: number): void {
    this.#seconds.observe({ duty }, seconds);
  }
}
