import { decide } from './decide.ts';
import { initialState } from './policy-state.ts';
import { emptyHistory, estimateQueue, observeQueue } from './queue-history.ts';
import type { PoolSpecView } from './types.ts';

/** A workload: jobs that arrive a second as a function of time, and how long each runs. */
export interface Workload {
  readonly arrivalRate: (atMs: number) => number;
  readonly serviceTimeMs: (random: () => number) => number;
  /** From the decision to a pod that fetches. */
  readonly podStartMs: number;
}

export interface SimulatedRun {
  readonly changes: readonly { readonly atMs: number; readonly from: number; readonly to: number }[];
  /** Waits of all jobs started, ms, with the time of their start. */
  readonly waits: readonly { readonly atMs: number; readonly ms: number }[];
  readonly replicas: number;
  readonly podSeconds: number;
}

/** A pool and its queue in simulated time, decided once a second by what runs in the autoscaler. For tests: steps of 100 ms. */
export function simulate(
  pool: PoolSpecView,
  load: Workload,
  durationMs: number,
  startReplicas: number,
  seed: number,
): SimulatedRun {
  const random = seededRandom(seed);
  const stepMs = 100;
  const waiting: number[] = [];
  let running: number[] = [];
  let started: { completed: number; waitsMs: number[]; serviceMs: number[] } = {
    completed: 0,
    waitsMs: [],
    serviceMs: [],
  };
  const finishing = new Map<number, number[]>();
  let added = 0;
  let replicas = startReplicas;
  let pods: number[] = Array.from({ length: startReplicas }, () => 0);
  let history = emptyHistory(0, pool.waitTargetMs ?? 30_000);
  let state = initialState(0);
  let podSeconds = 0;
  const changes: { atMs: number; from: number; to: number }[] = [];
  const waits: { atMs: number; ms: number }[] = [];
  for (let nowMs = 0; nowMs < durationMs; nowMs += stepMs) {
    for (let n = poisson((load.arrivalRate(nowMs) * stepMs) / 1_000, random); n > 0; n--) {
      waiting.push(nowMs);
      added++;
    }
    running = running.filter((until) => until > nowMs);
    const slots = pods.filter((readyAt) => readyAt <= nowMs).length * pool.concurrency;
    while (running.length < slots && waiting.length > 0) {
      const wait = nowMs - waiting.shift()!;
      const service = load.serviceTimeMs(random);
      running.push(nowMs + service);
      waits.push({ atMs: nowMs, ms: wait });
      const tick = Math.ceil((nowMs + service) / 1_000);
      finishing.set(tick, [...(finishing.get(tick) ?? []), wait, service]);
    }
    podSeconds += (pods.length * stepMs) / 1_000;
    if (nowMs % 1_000 !== 0) continue;
    const pairs = finishing.get(nowMs / 1_000) ?? [];
    finishing.delete(nowMs / 1_000);
    started = {
      completed: pairs.length / 2,
      waitsMs: pairs.filter((_, index) => index % 2 === 0),
      serviceMs: pairs.filter((_, index) => index % 2 === 1),
    };
    const counters = { atMs: nowMs, ready: waiting.length, active: running.length, notYetReady: 0, addCounter: added };
    history = observeQueue(history, counters, { failed: 0, ...started });
    const queue = {
      queue: 'simulated',
      sampledAtMs: nowMs,
      ready: waiting.length,
      active: running.length,
      dueSoon: 0,
      paused: false,
      share: 1,
      ...(waiting[0] !== undefined && { headAgeMs: nowMs - waiting[0] }),
      estimates: estimateQueue(history, nowMs),
    };
    const decided = decide(pool, state, { currentReplicas: replicas, queues: [queue] }, nowMs);
    state = decided.state;
    const { desired } = decided.decision;
    if (desired === replicas) continue;
    changes.push({ atMs: nowMs, from: replicas, to: desired });
    pods =
      desired < replicas
        ? pods.slice(0, desired)
        : [...pods, ...Array.from({ length: desired - replicas }, () => nowMs + load.podStartMs)];
    replicas = desired;
  }
  return { changes, waits, replicas, podSeconds };
}

export function exponential(meanMs: number): (random: () => number) => number {
  return (random) => -Math.log(1 - random()) * meanMs;
}

/** Knuth's method; fine for the few arrivals of a step. */
function poisson(mean: number, random: () => number): number {
  const limit = Math.exp(-mean);
  let n = 0;
  for (let product = random(); product > limit; product *= random()) n++;
  return n;
}

/** mulberry32: the same run for the same seed. */
function seededRandom(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
