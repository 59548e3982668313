import {
  decide,
  DEFAULT_WAIT_TARGET_MS,
  initialState,
  loadOfPool,
  type PolicyState,
  type PoolSpecView,
  type QueueLoad,
} from '@redis-queue/scaling';
import { seededRandom, type Random } from '../loads/random.ts';
import type { PoolView, Scaler, Ticked } from '../simulation/scaler.ts';
import { QueueSensor } from './queue-sensor.ts';

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

/**
 * The policy of `@redis-queue/scaling` as the autoscaler runs it: the same functions on the same numbers, read at the
 * same times and with the same blind spots; see `QueueSensor`.
 *
 * @param podStartMs how long pods take to start, as it was measured; absent: it was not.
 */
export function production(pool: PoolSpecView, seed: number, podStartMs?: number): Scaler {
  return new Production(pool, seed, podStartMs);
}

class Production implements Scaler {
  readonly name = 'redis-queue';
  readonly victims = 'least-work';
  readonly applyMs = APPLY_MS;
  readonly #pool: PoolSpecView;
  readonly #random: Random;
  readonly #sensor: QueueSensor;
  #state: PolicyState | undefined;
  #atRest = false;
  #followUps: number[] = [];

  constructor(pool: PoolSpecView, seed: number, podStartMs?: number) {
    this.#pool = pool;
    this.#random = seededRandom(seed);
    this.#sensor = new QueueSensor(pool.waitTargetMs ?? DEFAULT_WAIT_TARGET_MS, podStartMs);
  }

  tick(view: PoolView): Ticked {
    const { nowMs } = view;
    this.#state ??= initialState(nowMs);
    const { concurrency, maxReplicas, waitTargetMs } = this.#pool;
    const own = { present: view.replicas * concurrency, most: maxReplicas * concurrency };
    const load = loadOfPool(this.#sensor.sample(view), { own, all: view.slotsOfAll() ?? own, waitTargetMs });
    const observation = {
      currentReplicas: view.replicas,
      readyReplicas: view.readyPods,
      queues: [load],
      // status.blockedReplicas, which the workerpool controller counts from the pods' conditions and containers.
      unschedulablePods: view.unschedulablePods(),
      failingPods: view.crashLoopingPods(),
      // Who holds the active jobs is read before a pool shrinks.
      busyPods: view.busyPods(),
    };
    const { decision, state } = decide(this.#pool, this.#state, observation, nowMs);
    this.#state = state;
    this.#sensor.readFinished(view);
    return { desired: decision.desired, ...this.#nextLook(view, load, decision.desired) };
  }

  #nextLook(view: PoolView, load: QueueLoad, desired: number): Pick<Ticked, 'nextMs' | 'wokenAfterMs'> {
    const { nowMs } = view;
    if (this.#atRest && load.ready + load.active > 0) this.#followUps = FOLLOW_UPS_MS.map((afterMs) => nowMs + afterMs);
    const jobs = load.ready + load.active + load.dueSoon;
    this.#atRest = jobs === 0 && view.replicas === 0 && desired === 0;
    const followUp = this.#followUps.shift();
    if (this.#atRest) {
      const beforeDueMs = view.nextDueMs() - this.#sensor.podStartMs;
      const nextMs = Math.max(nowMs + 1, Math.min(beforeDueMs, this.#sensor.beforeBurstMs(nowMs)));
      return { nextMs: Math.min(nowMs + SAFETY_POLL_MS, nextMs), wokenAfterMs: WAKE_MS };
    }
    const onGridMs = Math.ceil((nowMs + (jobs > 0 ? TICK_MS : QUIET_MS)) / TICK_MS - 0.5) * TICK_MS;
    const dueMs = Math.min(followUp ?? Infinity, onGridMs);
    return { nextMs: Math.max(nowMs + 1, dueMs + this.#random() * LOOK_JITTER_MS) };
  }
}
