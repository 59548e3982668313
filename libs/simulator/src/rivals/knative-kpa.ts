import type { PoolView, Scaler, Ticked } from '../simulation/scaler.ts';

const TICK_MS = 2_000;
const BUCKET_MS = 1_000;
/** Least and most of one decision, as a multiple of the ready pods. */
const MAX_SCALE_UP_RATE = 1_000;
const MAX_SCALE_DOWN_RATE = 2;
const SCALE_TO_ZERO_GRACE_MS = 30_000;

export interface KpaSettings {
  /** Slots of a pod: the revision's containerConcurrency. */
  readonly concurrency: number;
  /** Share of them that should be in use. Default 0.7. */
  readonly utilization: number;
  /** Default 60 s. */
  readonly stableWindowMs: number;
  /** Default 10 % of the stable window. */
  readonly panicWindowMs: number;
  /** Panic at this multiple of the ready pods. Default 2. */
  readonly panicThreshold: number;
  /** Default 0. */
  readonly scaleDownDelayMs: number;
  readonly maxReplicas: number;
}

export const KPA_DEFAULTS = {
  utilization: 0.7,
  stableWindowMs: 60_000,
  panicWindowMs: 6_000,
  panicThreshold: 2,
  scaleDownDelayMs: 0,
} as const;

/**
 * Knative's pod autoscaler on concurrency, as in knative/serving pkg/autoscaler/scaling/autoscaler.go (Scale): jobs in
 * line and running, in buckets of a second, averaged over the stable and the panic window; every 2 s ceil(average ÷
 * target) within rate limits; from panic threshold × the ready pods on only upwards, until a stable window after the
 * last sign; the largest of the scale-down delay; to zero when the stable average is 0, after the grace period. A job
 * that finds no pod wakes it (activator).
 */
export function knativeKpa(settings: KpaSettings): Scaler {
  return new KnativeKpa(settings);
}

class KnativeKpa implements Scaler {
  readonly name: string;
  readonly victims = 'newest';
  readonly applyMs = 10;
  readonly #settings: KpaSettings;
  readonly #buckets: number[] = [];
  readonly #delayed: { readonly atMs: number; readonly pods: number }[] = [];
  #jobMs = 0;
  #sampledMs = 0;
  #decidedMs = -Infinity;
  #panickedMs: number | undefined;
  #maxPanicPods = 0;
  #zeroSinceMs: number | undefined;

  constructor(settings: KpaSettings) {
    const { utilization, stableWindowMs, panicThreshold, scaleDownDelayMs } = settings;
    this.name = `KPA ${utilization * 100} % ${stableWindowMs / 1_000} s panic ×${panicThreshold} delay ${scaleDownDelayMs / 1_000} s`;
    this.#settings = settings;
  }

  tick(view: PoolView): Ticked {
    const { nowMs } = view;
    const woken = view.replicas === 0 && view.ready > 0;
    if (nowMs - this.#sampledMs >= BUCKET_MS || woken) this.#sample(view);
    const next = { nextMs: nowMs + BUCKET_MS, ...(view.replicas === 0 && { wokenAfterMs: 10 }) };
    if (nowMs - this.#decidedMs < TICK_MS && !woken) return next;
    this.#decidedMs = nowMs;
    return { ...next, desired: this.#toZero(view, this.#delay(nowMs, this.#decide(view))) };
  }

  #sample(view: PoolView): void {
    const jobMs = view.jobMs();
    const elapsedMs = view.nowMs - this.#sampledMs;
    this.#buckets.push(
      elapsedMs > 0 ? Math.max((jobMs - this.#jobMs) / elapsedMs, view.replicas === 0 ? view.ready : 0) : 0,
    );
    if (this.#buckets.length > this.#settings.stableWindowMs / BUCKET_MS) this.#buckets.shift();
    this.#jobMs = jobMs;
    this.#sampledMs = view.nowMs;
  }

  #average(windowMs: number): number {
    const buckets = this.#buckets.slice(-Math.max(1, Math.round(windowMs / BUCKET_MS)));
    return buckets.reduce((sum, value) => sum + value, 0) / Math.max(1, buckets.length);
  }

  #decide({ readyPods, nowMs }: PoolView): number {
    const { concurrency, utilization, stableWindowMs, panicWindowMs, panicThreshold } = this.#settings;
    const target = concurrency * utilization;
    const pods = Math.max(1, readyPods);
    const [stable, panic] = [stableWindowMs, panicWindowMs].map((ms) => Math.ceil(this.#average(ms) / target)) as [
      number,
      number,
    ];
    const within = (wanted: number): number =>
      Math.min(Math.max(wanted, Math.floor(pods / MAX_SCALE_DOWN_RATE)), MAX_SCALE_UP_RATE * pods);
    if (panic / pods >= panicThreshold) this.#panickedMs = nowMs;
    else if (this.#panickedMs !== undefined && this.#panickedMs + stableWindowMs < nowMs) {
      this.#panickedMs = undefined;
      this.#maxPanicPods = 0;
    }
    if (this.#panickedMs === undefined) return within(stable);
    this.#maxPanicPods = Math.max(this.#maxPanicPods, within(stable), within(panic));
    return this.#maxPanicPods;
  }

  #delay(nowMs: number, pods: number): number {
    const { scaleDownDelayMs, maxReplicas } = this.#settings;
    while ((this.#delayed[0]?.atMs ?? nowMs) < nowMs - scaleDownDelayMs) this.#delayed.shift();
    this.#delayed.push({ atMs: nowMs, pods });
    return Math.min(maxReplicas, Math.max(...this.#delayed.map((past) => past.pods)));
  }

  #toZero({ nowMs, replicas }: PoolView, desired: number): number {
    if (desired > 0) {
      this.#zeroSinceMs = undefined;
      return desired;
    }
    this.#zeroSinceMs ??= nowMs;
    return nowMs - this.#zeroSinceMs >= SCALE_TO_ZERO_GRACE_MS ? 0 : Math.min(replicas, 1);
  }
}
