import {
  decide,
  DEFAULT_WAIT_TARGET_MS,
  emptyHistory,
  estimateQueue,
  initialState,
  observeQueue,
  untilBurstSampleMs,
  type FinishedJobs,
  type PolicyState,
  type PoolSpecView,
  type QueueHistory,
  type QueueLoad,
} from '@redis-queue/scaling';
import { seededRandom, type Random } from '../loads/random.ts';
import type { PoolView, Scaler, Ticked } from '../simulation/scaler.ts';

/**
 * The autoscaler's cadence (apps/autoscaler/src/sampling/cadence.ts): with work, without work but with pods, at rest.
 */
const TICK_MS = 1_000;
const QUIET_MS = 2_000;
const SAFETY_POLL_MS = 30_000;
/**
 * From an added job to the sample that it triggers (3 ms for the notification, 8 ms without another), and the samples
 * after it.
 */
const WAKE_MS = 11;
const FOLLOW_UPS_MS = [100, 300, 1_000] as const;
/** A sample is answered up to this much after it was due, and measures that moment. */
const LOOK_JITTER_MS = 20;
/** From a decision through the bus and the controller to the Deployment. */
const APPLY_MS = 30;
/** Completed jobs read by one sample; the rest is only counted. */
const MOST_READ = 100;
/** The autoscaler's default --pod-start-time: delayed jobs due within it are load. */
const POD_START_MS = 10_000;

/**
 * The policy of `@redis-queue/scaling` as the autoscaler runs it: the same functions on the same numbers, read at the
 * same times and with the same blind spots (100 finished jobs per sample, first attempts' waits only, a sample that is
 * a few ms late).
 */
export function production(pool: PoolSpecView, seed: number): Scaler {
  return new Production(pool, seed);
}

class Production implements Scaler {
  readonly name = 'redis-queue';
  readonly victims = 'fewest-jobs';
  readonly applyMs = APPLY_MS;
  readonly #pool: PoolSpecView;
  readonly #random: Random;
  #history: QueueHistory;
  #state: PolicyState | undefined;
  #finished: FinishedJobs | undefined;
  #atRest = false;
  #followUps: number[] = [];

  constructor(pool: PoolSpecView, seed: number) {
    this.#pool = pool;
    this.#random = seededRandom(seed);
    this.#history = emptyHistory(0, pool.waitTargetMs ?? DEFAULT_WAIT_TARGET_MS);
  }

  tick(view: PoolView): Ticked {
    const { nowMs, ready, active, added } = view;
    this.#state ??= initialState(nowMs);
    const counters = { atMs: nowMs, ready, active, notYetReady: view.delayed, addCounter: added };
    this.#history = observeQueue(this.#history, counters, this.#finished);
    const load = this.#load(view);
    const { decision, state } = decide(
      this.#pool,
      this.#state,
      { currentReplicas: view.replicas, queues: [load] },
      nowMs,
    );
    this.#state = state;
    // Read after the decision, for the next one.
    this.#finished = { failed: 0, ...view.takeFinished(MOST_READ) };
    return { desired: decision.desired, ...this.#nextLook(view, load, decision.desired) };
  }

  #load(view: PoolView): QueueLoad {
    const headReadyMs = view.headReadyMs();
    return {
      queue: 'simulated',
      sampledAtMs: view.nowMs,
      ready: view.ready,
      active: view.active,
      dueSoon: view.dueWithin(POD_START_MS),
      paused: false,
      share: 1,
      ...(headReadyMs !== undefined && { headAgeMs: Math.floor(view.nowMs - headReadyMs) }),
      estimates: estimateQueue(this.#history, view.nowMs),
    };
  }

  #nextLook(view: PoolView, load: QueueLoad, desired: number): Pick<Ticked, 'nextMs' | 'wokenAfterMs'> {
    const { nowMs } = view;
    if (this.#atRest && load.ready + load.active > 0) this.#followUps = FOLLOW_UPS_MS.map((afterMs) => nowMs + afterMs);
    const jobs = load.ready + load.active + load.dueSoon;
    this.#atRest = jobs === 0 && view.replicas === 0 && desired === 0;
    const followUp = this.#followUps.shift();
    if (this.#atRest) {
      const beforeDueMs = view.nextDueMs() - POD_START_MS;
      const beforeBurstMs = nowMs + (untilBurstSampleMs(this.#history, nowMs) ?? Infinity);
      const nextMs = Math.min(nowMs + SAFETY_POLL_MS, Math.max(nowMs + 1, Math.min(beforeDueMs, beforeBurstMs)));
      return { nextMs, wokenAfterMs: WAKE_MS };
    }
    const onGridMs = Math.ceil((nowMs + (jobs > 0 ? TICK_MS : QUIET_MS)) / TICK_MS - 0.5) * TICK_MS;
    const dueMs = Math.min(followUp ?? Infinity, onGridMs);
    return { nextMs: Math.max(nowMs + 1, dueMs + this.#random() * LOOK_JITTER_MS) };
  }
}
