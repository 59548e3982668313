import type { PoolView, Scaler, Ticked } from '../simulation/scaler.ts';

export interface BacklogSettings {
  /** Jobs in line per pod: acceptable wait ÷ mean service time × slots. */
  readonly target: number;
  /** How often the metric is published. CloudWatch's is a minute. */
  readonly periodMs: number;
  /** Periods in a row above the target before the fleet grows: AWS takes 3. */
  readonly periodsToGrow: number;
  /** Periods in a row below 90 % of the target before it shrinks: AWS takes 15. */
  readonly periodsToShrink: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

/** What target tracking's alarms do on AWS. */
export const AWS_ALARMS = { periodMs: 60_000, periodsToGrow: 3, periodsToShrink: 15 } as const;

const LOW_SHARE = 0.9;

/**
 * Target tracking on the backlog per worker, as AWS advises for queues (docs.aws.amazon.com/autoscaling/ec2/userguide,
 * "Scaling policy based on Amazon SQS": 1,500 messages, 10 instances, target 100 → 15 instances). Two alarms watch the
 * metric; when one has been over for all its periods the fleet becomes jobs in line ÷ target. Arrivals and running jobs
 * are not considered.
 */
export function backlogPerWorker(settings: BacklogSettings): Scaler {
  return new BacklogPerWorker(settings);
}

class BacklogPerWorker implements Scaler {
  readonly name: string;
  readonly victims = 'newest';
  readonly applyMs = 10;
  readonly #settings: BacklogSettings;
  #over = 0;
  #under = 0;

  constructor(settings: BacklogSettings) {
    const { target, periodMs, periodsToGrow, periodsToShrink, minReplicas } = settings;
    this.name = `backlog/worker ${target} each ${periodMs / 1_000} s up ${periodsToGrow} down ${periodsToShrink} min ${minReplicas}`;
    this.#settings = settings;
  }

  tick({ nowMs, ready, replicas }: PoolView): Ticked {
    const { target, periodMs, periodsToGrow, periodsToShrink, minReplicas, maxReplicas } = this.#settings;
    const perWorker = ready / Math.max(1, replicas);
    this.#over = perWorker > target || (replicas === 0 && ready > 0) ? this.#over + 1 : 0;
    this.#under = perWorker < LOW_SHARE * target ? this.#under + 1 : 0;
    const next = { nextMs: nowMs + periodMs };
    const wanted = Math.max(minReplicas, Math.min(maxReplicas, Math.ceil(ready / target)));
    if (this.#over >= periodsToGrow || replicas < minReplicas) return { ...next, desired: Math.max(replicas, wanted) };
    if (this.#under < periodsToShrink) return next;
    this.#under = 0;
    return { ...next, desired: Math.min(replicas, wanted) };
  }
}
