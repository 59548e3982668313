import { seededRandom } from '../loads/random.ts';
import type { PoolView, Scaler, Ticked } from '../simulation/scaler.ts';

/** The HPA's sync period as measured (15 s, and the sync itself); managed control planes do not offer to change it. */
const SYNC_MS = 15_020;
/** |ratio − 1| below this changes nothing. */
const TOLERANCE = 0.1;

export interface KedaSettings {
  /** What the triggers count; `waiting+active` is what Airflow's chart does, by a formula over several triggers. */
  readonly metric: 'waiting' | 'waiting+active';
  /** Jobs per pod: the trigger's listLength. */
  readonly target: number;
  /** KEDA's poll; it alone goes from zero and to zero. Default 30 s. */
  readonly pollingMs: number;
  /** No activity for this long goes to zero. Default 300 s. */
  readonly cooldownMs: number;
  /** The HPA follows the largest recommendation of this time when it shrinks. Default 300 s. */
  readonly stabilizationMs: number;
  /**
   * `default`: no `behavior` is set, so a sync may grow to max(2 × size, 4). `unlimited`: a policy that never binds.
   */
  readonly scaleUp: 'default' | 'unlimited';
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

export const KEDA_DEFAULTS = {
  pollingMs: 30_000,
  cooldownMs: 300_000,
  stabilizationMs: 300_000,
  scaleUp: 'default',
  minReplicas: 0,
} as const;

/**
 * KEDA with the HorizontalPodAutoscaler it makes. KEDA polls its triggers: it starts max(1, min) pods when one is
 * active at zero, and goes to zero when none was for the cooldown (pkg/scaling/executor/scale_scaledobjects.go). In
 * between the HPA syncs every 15 s: desired = ceil(metric ÷ target) as an External metric with AverageValue asks,
 * unless |metric ÷ (target · size) − 1| ≤ 0.1 (pkg/controller/podautoscaler/replica_calculator.go,
 * GetExternalPerPodMetricReplicas), the largest of the stabilisation window when it shrinks, no more than the scale-up
 * limit when it grows (horizontal.go). The phases of both timers are drawn from the seed. What a real cluster did is in
 * the test.
 */
export function kedaHpa(settings: KedaSettings, seed: number): Scaler {
  return new KedaHpa(settings, seed);
}

class KedaHpa implements Scaler {
  readonly name: string;
  readonly victims = 'newest';
  readonly applyMs = 10;
  readonly #settings: KedaSettings;
  readonly #recommendations: { readonly atMs: number; readonly replicas: number }[] = [];
  #nextPollMs: number;
  #nextSyncMs: number;
  #lastActiveMs = -Infinity;

  constructor(settings: KedaSettings, seed: number) {
    const { metric, target, pollingMs, cooldownMs, scaleUp, stabilizationMs, minReplicas } = settings;
    const seconds = [pollingMs, cooldownMs, stabilizationMs].map((ms) => ms / 1_000).join('/');
    this.name = `KEDA+HPA ${metric}/${target} ${seconds} s ${scaleUp}${minReplicas > 0 ? ` min ${minReplicas}` : ''}`;
    this.#settings = settings;
    const random = seededRandom(seed);
    this.#nextPollMs = random() * pollingMs;
    this.#nextSyncMs = random() * SYNC_MS;
  }

  tick(view: PoolView): Ticked {
    let desired = view.replicas;
    if (view.nowMs >= this.#nextPollMs) {
      this.#nextPollMs += this.#settings.pollingMs;
      desired = this.#poll(view);
    }
    if (view.nowMs >= this.#nextSyncMs) {
      this.#nextSyncMs += SYNC_MS;
      if (view.replicas > 0 && desired > 0) desired = this.#sync(view);
    }
    return { desired, nextMs: Math.min(this.#nextPollMs, this.#nextSyncMs) };
  }

  #value({ ready, active }: PoolView): number {
    return this.#settings.metric === 'waiting' ? ready : ready + active;
  }

  #poll(view: PoolView): number {
    const { minReplicas, cooldownMs } = this.#settings;
    if (this.#value(view) > 0) {
      this.#lastActiveMs = view.nowMs;
      return view.replicas === 0 ? Math.max(1, minReplicas) : view.replicas;
    }
    if (view.replicas < minReplicas) return minReplicas;
    const cooled = minReplicas === 0 && view.nowMs - this.#lastActiveMs >= cooldownMs;
    return cooled ? 0 : view.replicas;
  }

  #sync(view: PoolView): number {
    const { target, stabilizationMs, scaleUp, minReplicas, maxReplicas } = this.#settings;
    const { nowMs, replicas } = view;
    const ratio = this.#value(view) / (target * replicas);
    const asked = Math.abs(ratio - 1) > TOLERANCE ? Math.ceil(this.#value(view) / target) : replicas;
    const recommended = Math.max(Math.max(1, minReplicas), Math.min(maxReplicas, asked));
    while ((this.#recommendations[0]?.atMs ?? nowMs) < nowMs - stabilizationMs) this.#recommendations.shift();
    this.#recommendations.push({ atMs: nowMs, replicas: recommended });
    const highest = Math.max(...this.#recommendations.map((past) => past.replicas));
    const stabilized = recommended < replicas ? Math.min(replicas, highest) : recommended;
    return scaleUp === 'default' ? Math.min(stabilized, Math.max(2 * replicas, 4)) : stabilized;
  }
}
